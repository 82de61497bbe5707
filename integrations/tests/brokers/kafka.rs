//! Kafka, as librdkafka's own cluster of brokers plays it.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use rdkafka::ClientConfig;
use rdkafka::config::FromClientConfig;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::message::Message;
use rdkafka::mocking::MockCluster;
use souk_domain::event::Sink;
use souk_domain::port::PortError;
use souk_integrations::broker::kafka::Kafka;

use crate::{assert_all_told, events, position};

const TOPIC: &str = "souk.events";
const PARTITIONS: i32 = 4;
const BROKERS: i32 = 3;
const PATIENCE: Duration = Duration::from_secs(60);

/// All that the topic holds, by key, once `count` messages were read.
fn read(servers: &str, count: usize) -> HashMap<String, Vec<i64>> {
    let mut config = ClientConfig::new();
    config.set("bootstrap.servers", servers).set("group.id", "test").set("auto.offset.reset", "earliest");
    let consumer = BaseConsumer::from_config(&config).unwrap();
    consumer.subscribe(&[TOPIC]).unwrap();
    let mut got: HashMap<String, Vec<i64>> = HashMap::new();
    let (mut partitions, mut read, begin) = (HashMap::new(), 0, Instant::now());
    while read < count {
        assert!(begin.elapsed() < PATIENCE, "{read} of {count} messages after {PATIENCE:?}");
        // What else it hears of ends the wait, too: joining the group, a broker that was down.
        let Some(Ok(message)) = consumer.poll(Duration::from_millis(100)) else { continue };
        let key = String::from_utf8(message.key().unwrap().to_vec()).unwrap();
        assert_eq!(*partitions.entry(key.clone()).or_insert(message.partition()), message.partition());
        got.entry(key).or_default().push(position(message.payload().unwrap()));
        read += 1;
    }
    got
}

fn assert_each_order_in_order(got: &HashMap<String, Vec<i64>>, last: i64) {
    for event in events(1, 7) {
        let order = event.entity_id;
        let expected = events(1, last).into_iter().filter(|event| event.entity_id == order);
        assert_all_told(&got[&order.to_string()], expected.map(|event| event.position.unwrap()));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn kafka_has_each_order_in_one_partition_and_in_order() {
    let cluster = MockCluster::new(BROKERS).unwrap();
    cluster.create_topic(TOPIC, PARTITIONS, BROKERS).unwrap();
    let sink = Kafka::new(&cluster.bootstrap_servers(), TOPIC, "test").unwrap();
    sink.deliver(&events(1, 300)).await.unwrap();
    sink.deliver(&events(301, 301)).await.unwrap();
    assert_each_order_in_order(&read(&cluster.bootstrap_servers(), 301), 301);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn kafka_whose_brokers_were_away_misses_nothing() {
    let cluster = MockCluster::new(BROKERS).unwrap();
    cluster.create_topic(TOPIC, PARTITIONS, BROKERS).unwrap();
    let sink = Kafka::new(&cluster.bootstrap_servers(), TOPIC, "test").unwrap();
    sink.deliver(&events(1, 20)).await.unwrap();
    for broker in 1..=BROKERS {
        cluster.broker_down(broker).unwrap();
    }
    assert!(matches!(sink.deliver(&events(21, 40)).await, Err(PortError::Unavailable(_))));
    for broker in 1..=BROKERS {
        cluster.broker_up(broker).unwrap();
    }
    sink.deliver(&events(21, 40)).await.unwrap();
    assert_each_order_in_order(&read(&cluster.bootstrap_servers(), 40), 40);
}
