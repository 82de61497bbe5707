//! Paying sellers out, and sending payouts at the provider.

use chrono::NaiveDate;
use souk_domain::error::Result;
use souk_domain::job::Lease;
use souk_domain::money::Money;
use souk_domain::payment::ASK_AFTER;
use souk_domain::payout;
use souk_domain::port::{PortError, ProviderTransfer, ProviderTransferStatus};
use souk_entity::id::{PayoutId, SellerId};
use souk_entity::status::JobKind;

use super::{Work, try_again};

impl Work {
    /// Pays a seller what is due, through the default provider.
    pub(super) async fn pay_out_seller(&self, lease: Lease, id: SellerId, day: NaiveDate) -> Result<()> {
        let provider = self.ports.payment(None)?.name();
        self.store
            .write(async |tx| {
                payout::run_scheduled(&tx, id, day, provider).await?;
                lease.complete(&tx).await
            })
            .await
    }

    /// Sends a payout. One that the provider may have been asked for before is looked for first: a
    /// refusal of a second call would not tell what became of the first.
    pub(super) async fn submit_payout(&self, lease: Lease, id: PayoutId) -> Result<()> {
        let key = format!("payout:{id}");
        if let Some(asked) = payout::asked(self.store.read(), id).await? {
            let gateway = self.ports.payment(Some(&asked.provider))?;
            if let Some(seen) = gateway.find_transfer(&key).await.map_err(try_again)? {
                return self.take_over(lease, id, &seen).await;
            }
        }
        let Some(payout) = self.store.write(async |tx| payout::submit(&tx, id).await).await? else {
            return self.store.write(async |tx| lease.complete(&tx).await).await;
        };
        let gateway = self.ports.payment(Some(&payout.provider))?;
        let amount = Money { amount: payout.amount, currency: payout.currency };
        match gateway.transfer(&payout.account, amount, &key).await {
            Ok(seen) => self.take_over(lease, id, &seen).await,
            Err(PortError::Refused { code, message }) => {
                let why = format!("{code}: {message}");
                self.store
                    .write(async |tx| {
                        payout::fail(&tx, id, &why).await?;
                        lease.complete(&tx).await
                    })
                    .await
            }
            Err(PortError::Unknown(why)) => {
                self.store.write(async |tx| payout::lose_track(&tx, id).await).await?;
                Err(try_again(PortError::Unknown(why)))
            }
            Err(error) => Err(try_again(error)),
        }
    }

    /// Where the provider says that a payout is; one that it has not sent yet is asked about later.
    async fn take_over(&self, lease: Lease, id: PayoutId, seen: &ProviderTransfer) -> Result<()> {
        self.store
            .write(async |tx| {
                payout::observe(&tx, id, seen).await?;
                match seen.status {
                    ProviderTransferStatus::Pending => {
                        lease.continue_at(&tx, JobKind::SubmitPayout, tx.now + ASK_AFTER).await
                    }
                    _ => lease.complete(&tx).await,
                }
            })
            .await
    }
}
