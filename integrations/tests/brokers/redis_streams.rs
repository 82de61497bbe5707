//! The Redis stream, where `REDIS_URL` names a Redis.

use redis::AsyncCommands;
use souk_domain::event::Sink;
use souk_domain::port::PortError;
use souk_integrations::broker::redis_streams::RedisStream;
use uuid::Uuid;

use crate::{assert_all_told, events, position};

#[tokio::test]
async fn redis_has_each_event_as_a_cloud_event() {
    let Ok(url) = std::env::var("REDIS_URL") else { return };
    let client = redis::Client::open(url).unwrap();
    let namespace = format!("test-{}", Uuid::new_v4().simple());
    let key = format!("souk:{namespace}:events");
    let sink = RedisStream::new(client.clone(), &namespace).unwrap();
    let mut connection = client.get_multiplexed_async_connection().await.unwrap();
    sink.deliver(&events(1, 300)).await.unwrap();
    sink.deliver(&events(301, 302)).await.unwrap();
    let range = redis::cmd("XRANGE").arg(&key).arg("-").arg("+").query_async(&mut connection).await;
    let entries: Vec<(String, Vec<String>)> = range.unwrap();
    let got: Vec<i64> = entries
        .iter()
        .map(|(_, fields)| {
            let [kind_name, kind, event_name, event] = fields.as_slice() else { panic!("{fields:?}") };
            assert_eq!((kind_name.as_str(), kind.as_str(), event_name.as_str()), ("type", "order.shipped", "event"));
            position(event.as_bytes())
        })
        .collect();
    assert_all_told(&got, 1..=302);
    let _: () = connection.del(&key).await.unwrap();
}

#[tokio::test]
async fn redis_that_is_away_is_an_error_and_no_panic() {
    // Nobody listens on the discard port.
    let client = redis::Client::open("redis://127.0.0.1:9").unwrap();
    let sink = RedisStream::new(client, "test").unwrap();
    for _ in 0..2 {
        assert!(matches!(sink.deliver(&events(1, 1)).await, Err(PortError::Unavailable(_))));
    }
}
