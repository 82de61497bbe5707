//! Who may call each operation: the one table, by operation id. What is not in it nobody may call.

use std::collections::HashMap;
use std::sync::LazyLock;

use poem::http::Method;
use poem::{PathPattern, Request};
use souk_domain::access::Mode::{self, Read, Write};
use souk_domain::access::{OperatorArea, SellerArea};
use souk_domain::{Error, Result};

use crate::document;

/// What it takes to call an operation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Need {
    /// Nothing; webhooks bring a signature that their handler checks.
    Anybody,
    /// A shopper, signed in or a guest.
    Shopper,
    /// A person whose sign-in goes on at this moment.
    Person,
    /// Somebody, or an API key, that acts for a seller and may work in one of these areas; every member
    /// where there is none.
    Seller {
        /// The areas.
        any_of: &'static [SellerArea],
        /// What is done there.
        mode: Mode,
    },
    /// An operator of the marketplace, or their API key, that may do this.
    Operator(OperatorArea, Mode),
}

/// An operation of the document, as a request has called it.
#[derive(Clone, Copy, Debug)]
pub struct Operation {
    /// Its id.
    pub id: &'static str,
    /// What it takes.
    pub need: Need,
}

/// What a person does to their own account that is no matter of its security.
const UNAUDITED: &[&str] =
    &["changeMe", "createAddress", "deleteAddress", "getAddress", "getMe", "listAddresses", "replaceAddress"];

impl Operation {
    /// Whether what it writes goes into the audit log: all that operators do, what concerns a
    /// seller's money, access and systems, and the security of an account.
    pub fn is_audited(&self) -> bool {
        match self.need {
            Need::Operator(..) => true,
            Need::Seller { any_of, mode } => {
                let weighty = [SellerArea::Money, SellerArea::Webhooks, SellerArea::Settings];
                mode == Write && any_of.iter().any(|area| weighty.contains(area))
            }
            Need::Person => !UNAUDITED.contains(&self.id),
            Need::Anybody | Need::Shopper => false,
        }
    }

    /// The operation that `request` has been routed to.
    ///
    /// # Errors
    /// [`souk_domain::Code::Internal`] for one that the table does not have: nobody may call it.
    pub fn of(request: &Request) -> Result<Self> {
        let pattern = request.data::<PathPattern>().map(|pattern| pattern.0.as_ref()).unwrap_or_default();
        let found = ROUTES.get(&(request.method().clone(), plain(pattern)));
        found
            .copied()
            .ok_or_else(|| Error::internal(format!("{} {pattern} is in no row of the access table", request.method())))
    }
}

/// Which operation a method and a path pattern lead to.
static ROUTES: LazyLock<HashMap<(Method, String), Operation>> = LazyLock::new(|| {
    let needs: HashMap<&str, Operation> =
        TABLE.iter().flat_map(|(need, ids)| ids.iter().map(|id| (*id, Operation { id, need: *need }))).collect();
    let known = document::operations().into_iter().filter_map(|route| {
        let operation = needs.get(route.id.as_str())?;
        Some(((route.method, plain(&route.path)), *operation))
    });
    known.collect()
});

/// A path with its parameters' names left out, without a slash at the end.
fn plain(path: &str) -> String {
    let parts = path.trim_end_matches('/').split('/');
    let parts: Vec<&str> = parts.map(|part| if part.starts_with([':', '{']) { "*" } else { part }).collect();
    parts.join("/")
}

/// Every operation, by what it takes.
const TABLE: &[(Need, &[&str])] = &[
    (
        Need::Anybody,
        &[
            "confirmEmail",
            "forgotPassword",
            "getHealth",
            "resetPassword",
            "getProduct",
            "getReadiness",
            "getReturnPolicy",
            "listCategories",
            "listProducts",
            "listSellerShippingMethods",
            "listTransitions",
            "receiveCarrierWebhook",
            "receivePaymentWebhook",
            "refreshSession",
            "register",
            "signIn",
            "signOut",
        ],
    ),
    (
        Need::Shopper,
        &[
            "addCartCoupon",
            "addCartLine",
            "addOrderItem",
            "cancelOrder",
            "cancelReturn",
            "createCart",
            "getCart",
            "getOrder",
            "getOrderTracking",
            "getReturn",
            "getReturnLabel",
            "listCartShippingOptions",
            "listOrderRefunds",
            "listOrders",
            "listPayments",
            "listReturns",
            "placeOrder",
            "removeCartCoupon",
            "removeCartLine",
            "removeOrderItem",
            "requestReturn",
            "setCartDestination",
            "setCartLine",
            "setCartShipping",
            "startPayment",
            "updateOrderItem",
        ],
    ),
    (
        Need::Person,
        &[
            "acceptInvitation",
            "applyToSell",
            "beginTotp",
            "changeEmail",
            "changeMe",
            "changePassword",
            "confirmTotp",
            "createAddress",
            "deleteAddress",
            "disableTotp",
            "endSession",
            "eraseMe",
            "exportMyData",
            "getAddress",
            "getMe",
            "listAddresses",
            "listSessions",
            "replaceAddress",
            "sendVerification",
            "signOutEverywhere",
        ],
    ),
    (Need::Seller { any_of: &[], mode: Read }, &["getChecklist", "getSeller"]),
    (
        Need::Seller { any_of: &[SellerArea::Catalogue], mode: Read },
        &[
            "getSellerOffer",
            "getSellerProduct",
            "getSellerPromotion",
            "listInventory",
            "listOwnShippingMethods",
            "listSellerOffers",
            "listSellerProducts",
            "listSellerPromotions",
            "listShippingZones",
            "listWarehouses",
        ],
    ),
    (
        Need::Seller { any_of: &[SellerArea::Catalogue], mode: Write },
        &[
            "changeOffer",
            "changeProduct",
            "changeSellerPromotion",
            "changeShippingMethod",
            "createOffer",
            "createProduct",
            "createSellerPromotion",
            "createShippingMethod",
            "createShippingZone",
            "createVariant",
            "createWarehouse",
            "setInventory",
            "setShippingZonePlaces",
            "uploadInventory",
            "uploadPrices",
        ],
    ),
    (
        Need::Seller { any_of: &[SellerArea::Money], mode: Read },
        &[
            "downloadSellerStatement",
            "explainSellerAmounts",
            "getPayout",
            "getRefundable",
            "getSellerBalance",
            "getSellerStatement",
            "getUpcomingPayouts",
            "listPayoutItems",
            "listPayouts",
            "listSellerCommissionRules",
            "listSellerOrderRefunds",
        ],
    ),
    (Need::Seller { any_of: &[SellerArea::Money], mode: Write }, &["refundOrder"]),
    (
        Need::Seller { any_of: &[SellerArea::Orders], mode: Read },
        &[
            "getOwnReturnPolicy",
            "getSellerOrder",
            "getSellerReturn",
            "getShipment",
            "getShipmentLabel",
            "listSellerOrderShipments",
            "listSellerOrders",
            "listSellerReturns",
            "listShipments",
        ],
    ),
    (
        Need::Seller { any_of: &[SellerArea::Orders], mode: Write },
        &[
            "acceptSellerOrder",
            "approveReturn",
            "cancelShipment",
            "createShipment",
            "receiveReturn",
            "rejectReturn",
            "rejectSellerOrder",
            "setReturnPolicy",
            "uploadLabels",
            "uploadSellerOrders",
            "uploadShipments",
        ],
    ),
    (Need::Seller { any_of: &[SellerArea::Settings], mode: Read }, &["listApiKeys", "listInvitations", "listMembers"]),
    (
        Need::Seller { any_of: &[SellerArea::Settings], mode: Write },
        &[
            "acceptTerms",
            "configureSeller",
            "createApiKey",
            "createInvitation",
            "endHoliday",
            "removeMember",
            "revokeApiKey",
            "revokeInvitation",
            "setHoliday",
            "setMember",
            "setPayoutAccount",
        ],
    ),
    (
        Need::Seller { any_of: &[SellerArea::Webhooks], mode: Read },
        &[
            "getWebhookDelivery",
            "getWebhookEndpoint",
            "getWebhookSecret",
            "listWebhookDeliveries",
            "listWebhookEndpoints",
        ],
    ),
    (
        Need::Seller { any_of: &[SellerArea::Webhooks], mode: Write },
        &[
            "changeWebhookEndpoint",
            "createWebhookEndpoint",
            "disableWebhookEndpoint",
            "enableWebhookEndpoint",
            "redeliverWebhook",
            "redeliverWebhooks",
            "rotateWebhookSecret",
            "testWebhookEndpoint",
        ],
    ),
    (
        Need::Seller { any_of: &[SellerArea::Catalogue, SellerArea::Orders], mode: Read },
        &["downloadBatchErrors", "followBatch", "getBatch", "listBatchRows", "listBatches"],
    ),
    (Need::Seller { any_of: &[SellerArea::Catalogue, SellerArea::Orders], mode: Write }, &["cancelBatch"]),
    (
        Need::Operator(OperatorArea::Access, Read),
        &[
            "adminExportUserData",
            "adminGetUser",
            "adminListApiKeys",
            "adminListSellerApiKeys",
            "adminListUsers",
            "getAuditEntry",
            "listAuditEntries",
            "listTotpResets",
        ],
    ),
    (
        Need::Operator(OperatorArea::Access, Write),
        &[
            "adminCreateApiKey",
            "adminEraseGuest",
            "adminEraseUser",
            "adminRevokeApiKey",
            "adminRevokeSellerApiKey",
            "resetTotp",
            "setUserActive",
            "setUserRole",
        ],
    ),
    (Need::Operator(OperatorArea::Catalogue, Read), &["adminListProducts", "getPromotion", "listPromotions"]),
    (
        Need::Operator(OperatorArea::Catalogue, Write),
        &["adminChangeProduct", "changePromotion", "createCategory", "createPromotion"],
    ),
    (
        Need::Operator(OperatorArea::Money, Read),
        &[
            "adminDownloadSellerStatement",
            "adminGetPayout",
            "adminGetSellerBalance",
            "adminGetSellerStatement",
            "adminGetUpcomingPayouts",
            "adminListPayoutItems",
            "adminListPayouts",
            "explainAmounts",
            "getCommissionRule",
            "getTaxZone",
            "getTrialBalance",
            "listCommissionRules",
            "listLedgerAccounts",
            "listLedgerTransactions",
            "listTaxExemptions",
            "listTaxRates",
            "listTaxZones",
        ],
    ),
    (
        Need::Operator(OperatorArea::Money, Write),
        &[
            "adminConfigureSeller",
            "createCommissionRule",
            "createTaxExemption",
            "createTaxRate",
            "createTaxZone",
            "endCommissionRule",
            "endTaxExemption",
            "endTaxRate",
            "paySellerOut",
        ],
    ),
    (
        Need::Operator(OperatorArea::Operations, Read),
        &[
            "adminGetWebhookEndpoint",
            "adminListWebhookDeliveries",
            "adminListWebhookEndpoints",
            "getJob",
            "getNotification",
            "listEventConsumers",
            "listEvents",
            "listJobs",
            "listNotifications",
            "listSchedules",
            "summarizeJobs",
        ],
    ),
    (
        Need::Operator(OperatorArea::Operations, Write),
        &[
            "discardJob",
            "pauseEventConsumer",
            "redriveJob",
            "redriveJobs",
            "replayEventConsumer",
            "resendNotification",
            "resumeEventConsumer",
            "runSchedule",
            "setSchedule",
        ],
    ),
    (
        Need::Operator(OperatorArea::Orders, Read),
        &[
            "adminDownloadBatchErrors",
            "adminFollowBatch",
            "adminGetBatch",
            "adminGetOrder",
            "adminListBatchRows",
            "adminListBatches",
            "adminListOrders",
        ],
    ),
    (
        Need::Operator(OperatorArea::Orders, Write),
        &["adminCancelBatch", "adminCancelSellerOrder", "adminSetOrderStatus", "adminUploadOrders"],
    ),
    (
        Need::Operator(OperatorArea::Refunds, Read),
        &["adminGetRefund", "adminGetRefundable", "adminListRefunds", "getRefundApproval", "listRefundApprovals"],
    ),
    (
        Need::Operator(OperatorArea::Refunds, Write),
        &["approveRefund", "refundSellerOrder", "rejectRefund", "retryRefund", "withdrawRefund"],
    ),
    (
        Need::Operator(OperatorArea::Sellers, Read),
        &["adminGetSeller", "adminListSellers", "getSellerChecklist", "listSellerRequirements"],
    ),
    (
        Need::Operator(OperatorArea::Sellers, Write),
        &[
            "approveSeller",
            "createSellerRequirement",
            "rejectSeller",
            "retireSellerRequirement",
            "setSellerRequirementMet",
            "suspendSeller",
        ],
    ),
];

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn the_table_and_the_document_have_the_same_operations() {
        let listed: Vec<String> = TABLE.iter().flat_map(|(_, ids)| ids.iter().map(ToString::to_string)).collect();
        let table: BTreeSet<String> = listed.iter().cloned().collect();
        assert_eq!(table.len(), listed.len(), "an operation is in two rows");
        let document: BTreeSet<String> = document::operations().into_iter().map(|route| route.id).collect();
        assert_eq!(table, document);
        assert_eq!(ROUTES.len(), table.len(), "two operations have one route");
    }

    #[test]
    fn what_is_weighty_is_audited() {
        let audited = |id: &str| ROUTES.values().any(|operation| operation.id == id && operation.is_audited());
        for id in [
            "refundSellerOrder",
            "setUserRole",
            "refundOrder",
            "setPayoutAccount",
            "createApiKey",
            "applyToSell",
            "resetTotp",
        ] {
            assert!(audited(id), "{id}");
        }
        for id in ["placeOrder", "getMe", "changeOffer", "createShipment", "cancelBatch", "signIn", "getPayout"] {
            assert!(!audited(id), "{id}");
        }
        for id in UNAUDITED {
            assert!(ROUTES.values().any(|operation| operation.id == *id), "{id}");
        }
    }

    #[test]
    fn what_takes_a_place_in_the_marketplace_is_below_its_path() {
        for route in document::operations() {
            let operation = ROUTES[&(route.method.clone(), plain(&route.path))];
            let below = |path: &str| route.path == path || route.path.starts_with(&format!("{path}/"));
            match operation.need {
                Need::Seller { .. } => assert!(below("/api/v1/seller"), "{}", route.id),
                Need::Operator(..) => assert!(below("/api/v1/admin"), "{}", route.id),
                _ => assert!(!below("/api/v1/seller") && !below("/api/v1/admin"), "{}", route.id),
            }
            if let Need::Seller { mode, .. } | Need::Operator(_, mode) = operation.need {
                assert_eq!(mode == Read, route.method == Method::GET, "{}", route.id);
            }
        }
    }
}
