//! The sample's orders, read and put together; an order with a bad row is left out and counted.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::path::Path;
use std::str::FromStr;

use chrono::NaiveDateTime;

use crate::cents::Cents;
use crate::table::{self, Problem, Row};

/// The statuses of the source.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Status {
    Created,
    Approved,
    Invoiced,
    Processing,
    Shipped,
    Delivered,
    Unavailable,
    Canceled,
}

impl FromStr for Status {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Ok(match text {
            "created" => Self::Created,
            "approved" => Self::Approved,
            "invoiced" => Self::Invoiced,
            "processing" => Self::Processing,
            "shipped" => Self::Shipped,
            "delivered" => Self::Delivered,
            "unavailable" => Self::Unavailable,
            "canceled" => Self::Canceled,
            other => return Err(format!("order_status \"{other}\" is unknown")),
        })
    }
}

/// Where the goods go. The source knows no street and no name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Customer {
    /// The person, across their orders.
    pub id: String,
    pub zip: String,
    pub city: String,
    pub state: String,
}

/// What a unit of a line is an offer of.
///
/// `slot` is 0, except where one order has the same product of the same seller at several prices:
/// each further price is another slot, which becomes another variant.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct OfferKey {
    pub product: String,
    pub seller: String,
    pub slot: u32,
}

/// Units of one offer at one price.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    pub offer: OfferKey,
    pub price: Cents,
    pub quantity: i64,
}

/// An order as the source tells it.
#[derive(Clone, Debug)]
pub struct Order {
    pub id: String,
    pub customer: Customer,
    pub status: Status,
    /// Whether the source knows when the payment was approved.
    pub approved: bool,
    pub purchased_at: NaiveDateTime,
    /// By offer.
    pub lines: Vec<Line>,
    /// What each seller's part costs to ship.
    pub freight: BTreeMap<String, Cents>,
}

impl Order {
    /// Goods.
    pub fn items_total(&self) -> Cents {
        self.lines.iter().map(|line| line.price * line.quantity).sum()
    }

    /// Freight of all sellers.
    pub fn freight_total(&self) -> Cents {
        self.freight.values().copied().sum()
    }

    /// What the shopper pays.
    pub fn total(&self) -> Cents {
        self.items_total() + self.freight_total()
    }

    /// Units of all lines.
    pub fn units(&self) -> i64 {
        self.lines.iter().map(|line| line.quantity).sum()
    }
}

/// Everything that can be replayed.
#[derive(Debug, Default)]
pub struct Source {
    /// In the order of their purchase.
    pub orders: Vec<Order>,
    /// Orders that have a bad row.
    pub skipped: usize,
    /// Each bad row.
    pub problems: Vec<Problem>,
}

/// A row of `orders.csv`.
struct Head {
    customer: Customer,
    status: Status,
    approved: bool,
    purchased_at: NaiveDateTime,
    line: u64,
}

/// A row of `order_items.csv`: one unit.
struct Unit {
    product: String,
    seller: String,
    price: Cents,
    freight: Cents,
}

const CUSTOMERS: &str = "customers.csv";
const ORDERS: &str = "orders.csv";
const ITEMS: &str = "order_items.csv";

impl Source {
    /// Reads the sample's folder.
    ///
    /// # Errors
    /// A sentence, when a file or one of its columns is missing.
    pub fn read(folder: &Path) -> Result<Self, String> {
        let mut problems = Vec::new();
        let customers = customers(folder, &mut problems)?;
        let (heads, mut spoiled) = heads(folder, &customers, &mut problems)?;
        let mut units = units(folder, &heads, &mut spoiled, &mut problems)?;
        let mut orders = Vec::new();
        for (id, head) in heads {
            if spoiled.contains(&id) {
                continue;
            }
            let Some(units) = units.remove(&id) else {
                let what = format!("order {id} has no row in {ITEMS}");
                problems.push(Problem { file: ORDERS, line: head.line, what });
                spoiled.insert(id);
                continue;
            };
            let (lines, freight) = gather(&units);
            let Head { customer, status, approved, purchased_at, .. } = head;
            orders.push(Order { id, customer, status, approved, purchased_at, lines, freight });
        }
        orders.sort_by(|a, b| (a.purchased_at, &a.id).cmp(&(b.purchased_at, &b.id)));
        Ok(Self { orders, skipped: spoiled.len(), problems })
    }

    /// Tells one sample from another: the progress of one must not be continued with the other.
    pub fn fingerprint(&self) -> String {
        let units: i64 = self.orders.iter().map(Order::units).sum();
        let total: Cents = self.orders.iter().map(Order::total).sum();
        format!("{} orders, {units} units, {total} BRL", self.orders.len())
    }
}

fn customers(folder: &Path, problems: &mut Vec<Problem>) -> Result<HashMap<String, Customer>, String> {
    const COLUMNS: &[&str] =
        &["customer_id", "customer_unique_id", "customer_zip_code_prefix", "customer_city", "customer_state"];
    let read = |row: &Row| -> Result<(String, Customer), Problem> {
        let customer = Customer {
            id: row.id("customer_unique_id")?.to_owned(),
            zip: row.filled("customer_zip_code_prefix")?.to_owned(),
            city: row.filled("customer_city")?.to_owned(),
            state: row.filled("customer_state")?.to_owned(),
        };
        Ok((row.id("customer_id")?.to_owned(), customer))
    };
    let mut customers = HashMap::new();
    for row in table::read(folder, CUSTOMERS, COLUMNS)? {
        match row.map_err(|bad| bad.problem).and_then(|row| read(&row)) {
            Ok((id, customer)) => {
                customers.insert(id, customer);
            }
            Err(problem) => problems.push(problem),
        }
    }
    Ok(customers)
}

type Heads = BTreeMap<String, Head>;

fn heads(
    folder: &Path,
    customers: &HashMap<String, Customer>,
    problems: &mut Vec<Problem>,
) -> Result<(Heads, BTreeSet<String>), String> {
    const COLUMNS: &[&str] =
        &["order_id", "customer_id", "order_status", "order_purchase_timestamp", "order_approved_at"];
    let read = |row: &Row| -> Result<Head, Problem> {
        let customer = row.id("customer_id")?;
        let customer = customers.get(customer);
        let purchased = row.filled("order_purchase_timestamp")?;
        Ok(Head {
            customer: customer.ok_or_else(|| row.problem(format!("the customer is not in {CUSTOMERS}")))?.clone(),
            status: row.filled("order_status")?.parse().map_err(|what: String| row.problem(what))?,
            approved: !row.cell("order_approved_at").is_empty(),
            purchased_at: NaiveDateTime::parse_from_str(purchased, "%Y-%m-%d %H:%M:%S")
                .map_err(|_| row.problem(format!("order_purchase_timestamp \"{purchased}\" is not a time")))?,
            line: row.line(),
        })
    };
    let (mut heads, mut spoiled) = (Heads::new(), BTreeSet::new());
    for row in table::read(folder, ORDERS, COLUMNS)? {
        let (key, read) = match row {
            Ok(row) => match row.id("order_id") {
                Ok(id) => (Some(id.to_owned()), read(&row)),
                Err(problem) => (Some(row.cell("order_id").to_owned()), Err(problem)),
            },
            Err(bad) => (bad.key, Err(bad.problem)),
        };
        match (key, read) {
            (Some(id), Ok(head)) if heads.contains_key(&id) || spoiled.contains(&id) => {
                let what = format!("order {id} is there twice");
                problems.push(Problem { file: ORDERS, line: head.line, what });
                spoiled.insert(id);
            }
            (Some(id), Ok(head)) => {
                heads.insert(id, head);
            }
            (key, Err(problem)) => {
                // A row whose id cannot be read is an order all the same, named by its line.
                spoiled.insert(key.filter(|id| !id.is_empty()).unwrap_or_else(|| format!("line {}", problem.line)));
                problems.push(problem);
            }
            (None, Ok(_)) => {}
        }
    }
    Ok((heads, spoiled))
}

fn units(
    folder: &Path,
    heads: &Heads,
    spoiled: &mut BTreeSet<String>,
    problems: &mut Vec<Problem>,
) -> Result<HashMap<String, Vec<Unit>>, String> {
    const COLUMNS: &[&str] = &["order_id", "order_item_id", "product_id", "seller_id", "price", "freight_value"];
    let amount = |row: &Row, column: &str| -> Result<Cents, Problem> {
        row.filled(column)?.parse().map_err(|error| row.problem(format!("{column}: {error}")))
    };
    let read = |row: &Row| -> Result<Unit, Problem> {
        Ok(Unit {
            product: row.id("product_id")?.to_owned(),
            seller: row.id("seller_id")?.to_owned(),
            price: amount(row, "price")?,
            freight: amount(row, "freight_value")?,
        })
    };
    let mut seen = HashSet::new();
    let mut units: HashMap<String, Vec<Unit>> = HashMap::new();
    for row in table::read(folder, ITEMS, COLUMNS)? {
        let (key, read) = match row {
            Ok(row) => {
                let id = row.cell("order_id").to_owned();
                let read = if !heads.contains_key(&id) && !spoiled.contains(&id) {
                    Err(row.problem(format!("the order \"{id}\" is not in {ORDERS}")))
                } else if !seen.insert((id.clone(), row.cell("order_item_id").to_owned())) {
                    Err(row.problem(format!("the order {id} has this order_item_id twice")))
                } else {
                    read(&row)
                };
                (Some(id), read)
            }
            Err(bad) => (bad.key, Err(bad.problem)),
        };
        match (key, read) {
            (Some(id), Ok(unit)) => units.entry(id).or_default().push(unit),
            (key, Err(problem)) => {
                spoiled.extend(key.filter(|id| heads.contains_key(id)));
                problems.push(problem);
            }
            (None, Ok(_)) => {}
        }
    }
    Ok(units)
}

/// Units of one order to lines and freights: the source has a row per unit, a cart has quantities.
fn gather(units: &[Unit]) -> (Vec<Line>, BTreeMap<String, Cents>) {
    let mut freight: BTreeMap<String, Cents> = BTreeMap::new();
    let mut prices: BTreeMap<(&str, &str), Vec<(Cents, i64)>> = BTreeMap::new();
    for unit in units {
        *freight.entry(unit.seller.clone()).or_default() += unit.freight;
        let known = prices.entry((&unit.product, &unit.seller)).or_default();
        match known.iter_mut().find(|(price, _)| *price == unit.price) {
            Some((_, quantity)) => *quantity += 1,
            None => known.push((unit.price, 1)),
        }
    }
    let mut lines = Vec::new();
    for ((product, seller), prices) in prices {
        for ((price, quantity), slot) in prices.into_iter().zip(0..) {
            let offer = OfferKey { product: product.to_owned(), seller: seller.to_owned(), slot };
            lines.push(Line { offer, price, quantity });
        }
    }
    (lines, freight)
}

#[cfg(test)]
mod tests {
    use super::*;

    const CUSTOMERS_HEADER: &str =
        "customer_id,customer_unique_id,customer_zip_code_prefix,customer_city,customer_state\n";
    const ORDERS_HEADER: &str = "order_id,customer_id,order_status,order_purchase_timestamp,order_approved_at\n";
    const ITEMS_HEADER: &str = "order_id,order_item_id,product_id,seller_id,price,freight_value\n";

    fn read(customers: &str, orders: &str, items: &str) -> Source {
        let folder = tempfile::tempdir().unwrap();
        for (file, header, rows) in
            [(CUSTOMERS, CUSTOMERS_HEADER, customers), (ORDERS, ORDERS_HEADER, orders), (ITEMS, ITEMS_HEADER, items)]
        {
            std::fs::write(folder.path().join(file), format!("{header}{rows}")).unwrap();
        }
        Source::read(folder.path()).unwrap()
    }

    #[test]
    fn rows_become_lines_with_quantities_and_freight_per_seller() {
        let source = read(
            "c1,u1,11440,guaruja,SP\n",
            "o2,c1,delivered,2018-01-02 00:00:00,2018-01-02 01:00:00\no1,c1,canceled,2018-01-01 00:00:00,\n",
            "o1,1,p1,s1,10.00,1.50\no1,2,p1,s1,10.00,1.50\no1,3,p1,s1,9.00,0.01\no1,4,p2,s2,5.5,2\no2,1,p1,s1,12,3\n",
        );
        assert_eq!((source.skipped, source.problems), (0, vec![]));
        let [first, second] = &source.orders[..] else { panic!("two orders") };
        assert_eq!((first.id.as_str(), first.approved, first.status), ("o1", false, Status::Canceled));
        let lines: Vec<_> = first.lines.iter().map(|line| (line.offer.slot, line.price.0, line.quantity)).collect();
        assert_eq!(lines, [(0, 1000, 2), (1, 900, 1), (0, 550, 1)]);
        assert_eq!(first.freight, [("s1".to_owned(), Cents(301)), ("s2".to_owned(), Cents(200))].into());
        assert_eq!((first.total(), first.units(), second.total()), (Cents(3951), 4, Cents(1500)));
    }

    #[test]
    fn a_bad_row_is_told_with_its_line_and_costs_its_order_only() {
        let time = "2018-01-01 00:00:00";
        let source = read(
            "c1,u1,11440,guaruja,SP\nc2,u2,,guaruja,SP\n",
            &format!(
                "good,c1,delivered,{time},\nprice,c1,delivered,{time},\nstatus,c1,lost,{time},\nstranger,c2,delivered,\
                 {time},\nempty,c1,delivered,{time},\nshort,c1,delivered\ntime,c1,delivered,yesterday,\ntwice,c1,\
                 delivered,{time},\ntwice,c1,delivered,{time},\n"
            ),
            "good,1,p1,s1,10.00,1.50\nprice,1,p1,s1,ten,1.50\nnobody,1,p1,s1,1,1\nstatus,1,p1,s1,1,1\n\
             stranger,1,p1,s1,1,1\nshort,1,p1,s1,1,1\ntime,1,p1,s1,1,1\ntwice,1,p1,s1,1,1\n",
        );
        assert_eq!(source.orders.iter().map(|order| order.id.as_str()).collect::<Vec<_>>(), ["good"]);
        let told: Vec<(&str, u64)> = source.problems.iter().map(|problem| (problem.file, problem.line)).collect();
        let expected = [
            (CUSTOMERS, 3),
            (ORDERS, 4),
            (ORDERS, 5),
            (ORDERS, 7),
            (ORDERS, 8),
            (ORDERS, 10),
            (ITEMS, 3),
            (ITEMS, 4),
            (ORDERS, 6),
        ];
        assert_eq!(told, expected);
        assert_eq!(source.skipped, 7, "price, status, stranger, empty, short, time, twice");
        let price = source.problems.iter().find(|problem| problem.file == ITEMS && problem.line == 3).unwrap();
        assert_eq!(price.to_string(), "order_items.csv:3: price: \"ten\" is not an amount such as 19.90");
    }

    #[test]
    fn a_missing_column_or_file_is_named() {
        let folder = tempfile::tempdir().unwrap();
        assert!(Source::read(folder.path()).unwrap_err().contains(CUSTOMERS));
        std::fs::write(folder.path().join(CUSTOMERS), "customer_id,customer_city\n").unwrap();
        assert!(Source::read(folder.path()).unwrap_err().contains("no column customer_unique_id"));
    }
}
