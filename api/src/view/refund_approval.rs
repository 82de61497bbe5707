//! Refunds that wait for a second operator.

use chrono::{DateTime, Utc};
use poem::{IntoResponse, Response};
use poem_openapi::registry::{MetaMediaType, MetaResponse, MetaResponses, Registry};
use poem_openapi::types::{ToJSON, Type};
use poem_openapi::{ApiResponse, Object};
use souk_domain::payment::refund::Wanted;
use souk_domain::payment::refund::approval::Asked;
use souk_domain::{Error, Result};
use souk_entity::money::MinorUnits;
use souk_entity::refund_approval;
use uuid::Uuid;

use super::amount;
use super::refund::Refund;
use super::words::{Bearer, RefundApprovalStatus};
use crate::http::answer::{Answer, Created};

/// A refund that another operator has to approve.
#[derive(Debug, Object)]
#[oai(skip_serializing_if_is_none)]
pub struct RefundApproval {
    /// Its id.
    id: Uuid,
    /// The order.
    order_id: Uuid,
    /// The seller order.
    seller_order_id: Uuid,
    /// Its status.
    status: RefundApprovalStatus,
    /// Who has asked for it, and so cannot approve it.
    requested_by: Uuid,
    /// What it came to when it was asked for; it will not be more.
    amount: String,
    /// ISO 4217.
    currency: String,
    /// What operators could refund of an order by themselves then.
    limit: String,
    /// Units of lines that it is to pay for.
    lines: Vec<RefundApprovalUnits>,
    /// So much of what was paid for shipping.
    shipping_amount: Option<String>,
    /// So much for nothing that was bought.
    goodwill_amount: Option<String>,
    /// Who pays the goodwill.
    goodwill_borne_by: Option<Bearer>,
    /// Why it was asked for; the shopper is shown it with the refund.
    note: Option<String>,
    /// Who approved or rejected it.
    decided_by: Option<Uuid>,
    /// When.
    decided_at: Option<DateTime<Utc>>,
    /// Why it was rejected.
    reason: Option<String>,
    /// The refund that was made of it.
    refund_id: Option<Uuid>,
    /// When it is asked for in vain.
    expires_at: DateTime<Utc>,
    /// When it was asked for.
    created_at: DateTime<Utc>,
}

/// Units of a line.
#[derive(Debug, Object)]
pub struct RefundApprovalUnits {
    /// The line.
    line_id: Uuid,
    /// How many.
    quantity: i64,
}

impl RefundApproval {
    /// Its id.
    pub fn id(&self) -> Uuid {
        self.id
    }

    /// As operators see it.
    ///
    /// # Errors
    /// [`souk_domain::Code::Internal`] when what is stored cannot be read.
    pub fn new(row: refund_approval::Model) -> Result<Self> {
        let wanted: Wanted = serde_json::from_value(row.wanted).map_err(Error::internal)?;
        let some = |value: MinorUnits| (value > MinorUnits::ZERO).then(|| amount(value, row.currency));
        let goodwill_amount = some(wanted.goodwill);
        let lines = wanted
            .lines
            .iter()
            .map(|(line, quantity)| RefundApprovalUnits { line_id: (*line).into(), quantity: *quantity });
        Ok(Self {
            id: row.id.into(),
            order_id: row.order_id.into(),
            seller_order_id: row.seller_order_id.into(),
            status: row.status.into(),
            requested_by: row.requested_by.into(),
            amount: amount(row.amount, row.currency),
            currency: row.currency.to_string(),
            limit: amount(row.limit_amount, row.currency),
            lines: lines.collect(),
            shipping_amount: some(wanted.shipping),
            goodwill_borne_by: goodwill_amount.is_some().then(|| wanted.borne_by.into()),
            goodwill_amount,
            note: wanted.note,
            decided_by: row.decided_by.map(Into::into),
            decided_at: row.decided_at,
            reason: row.reason,
            refund_id: row.refund_id.map(Into::into),
            expires_at: row.expires_at,
            created_at: row.created_at,
        })
    }
}

/// 201 with a refund, or 202 with the approval that it waits for.
pub struct RefundAsked(pub Created<Refund>);

impl RefundAsked {
    /// What became of an operator's wish, as it is stored for a repeated request.
    ///
    /// # Errors
    /// As [`RefundApproval::new`].
    pub fn answer(asked: Asked) -> Result<Created<Refund>> {
        Ok(match asked {
            Asked::Made(detail) => Created::new(&Refund::of_business(detail)),
            Asked::Waits(row) => Answer::stored(202, RefundApproval::new(row)?.to_json_string().into_bytes()),
        })
    }
}

impl IntoResponse for RefundAsked {
    fn into_response(self) -> Response {
        self.0.into_response()
    }
}

impl ApiResponse for RefundAsked {
    fn meta() -> MetaResponses {
        let mut meta = Created::<Refund>::meta();
        meta.responses.push(MetaResponse {
            description: "It waits for another operator.",
            status: Some(202),
            status_range: None,
            content: vec![MetaMediaType {
                content_type: "application/json; charset=utf-8",
                schema: RefundApproval::schema_ref(),
            }],
            headers: Vec::new(),
        });
        meta
    }

    fn register(registry: &mut Registry) {
        Created::<Refund>::register(registry);
        RefundApproval::register(registry);
    }
}
