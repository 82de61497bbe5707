//! What each kind of job does. A job re-reads the state it acts on, calls the outside before it
//! opens its transaction, and ends its lease in the transaction of its effect.

mod bulk;
mod deliveries;
mod expiry;
mod notifications;
mod parcels;
mod payments;
mod payouts;
mod schedules;
mod webhooks;

use async_trait::async_trait;
use souk_domain::Store;
use souk_domain::error::{Code, Error};
use souk_domain::job::{Lease, Task};
use souk_domain::order::number::OrderNumbers;
use souk_domain::port::{PortError, Ports};

use crate::handler::Handler;

pub use deliveries::Webhooks;
pub use notifications::Mail;

/// Does all of souk's jobs.
pub struct Work {
    store: Store,
    numbers: OrderNumbers,
    ports: Ports,
    mail: Mail,
    webhooks: Webhooks,
}

impl Work {
    /// `store` wakes the workers of the jobs that a job causes.
    pub fn new(store: Store, ports: Ports, mail: Mail, webhooks: Webhooks) -> Self {
        Self { store, numbers: OrderNumbers::default(), ports, mail, webhooks }
    }
}

#[async_trait]
impl Handler for Work {
    async fn run(&self, lease: Lease, task: Task) -> souk_domain::Result<()> {
        match task {
            Task::CapturePayment { payment_id } => self.capture_payment(lease, payment_id).await,
            Task::VoidPayment { payment_id } => self.void_payment(lease, payment_id).await,
            Task::ResolvePayment { payment_id } => self.resolve_payment(lease, payment_id).await,
            Task::RefundPayment { refund_id } => self.refund_payment(lease, refund_id).await,
            Task::ProcessReturn { return_request_id } => self.process_return(lease, return_request_id).await,
            Task::ExpireReturn { return_request_id } => self.expire_return(lease, return_request_id).await,
            Task::ExpireOrder { order_id } => self.expire_order(lease, order_id).await,
            Task::ExpireCart { cart_id } => self.expire_cart(lease, cart_id).await,
            Task::RejectUnaccepted { seller_order_id } => self.reject_unaccepted(lease, seller_order_id).await,
            Task::CompleteSellerOrder { seller_order_id } => self.complete_seller_order(lease, seller_order_id).await,
            Task::BuyLabel { shipment_id } => self.buy_label(lease, shipment_id).await,
            Task::VoidLabel { shipment_id } => self.void_label(lease, shipment_id).await,
            Task::SyncShipment { shipment_id } => self.sync_shipment(lease, shipment_id).await,
            Task::ProcessWebhook { inbox_id } => self.process_webhook(lease, inbox_id).await,
            Task::ProcessBatch { batch_id } => self.process_batch(lease, batch_id).await,
            Task::PayOutSeller { seller_id, day } => self.pay_out_seller(lease, seller_id, day).await,
            Task::SubmitPayout { payout_id } => self.submit_payout(lease, payout_id).await,
            Task::DeliverWebhooks { endpoint_id } => self.deliver_webhooks(lease, endpoint_id).await,
            Task::SendNotification { notification_id } => self.send_notification(lease, notification_id).await,
            Task::RunSchedule { schedule, tick } => self.run_schedule(lease, schedule, tick).await,
        }
    }
}

/// A port's failure as the job's: it is tried again later.
fn try_again(error: PortError) -> Error {
    let message = error.to_string();
    Error { source: Some(Box::new(error)), ..Error::new(Code::ProviderUnavailable, message) }
}
