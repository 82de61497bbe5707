//! RabbitMQ: a server of the test's own, which is killed in the middle, where `RABBITMQ_SERVER`
//! names the program (Debian: `/usr/lib/rabbitmq/bin/rabbitmq-server`).

use std::net::TcpListener;
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use lapin::options::{BasicGetOptions, QueueBindOptions, QueueDeclareOptions};
use lapin::types::FieldTable;
use lapin::{Channel, Connection, ConnectionProperties};
use souk_domain::event::Sink;
use souk_domain::port::PortError;
use souk_integrations::broker::rabbitmq::RabbitMq;

use crate::{assert_all_told, events, position};

const EXCHANGE: &str = "souk.events";
const QUEUE: &str = "warehouse";
const PATIENCE: Duration = Duration::from_secs(60);

/// A server with its own directory, ports and register of Erlang nodes.
struct Server {
    program: PathBuf,
    home: tempfile::TempDir,
    port: u16,
    others: [u16; 2],
    register: Child,
    node: Option<Child>,
}

impl Server {
    fn start(program: PathBuf) -> Self {
        let [port, node_port, register_port] = free_ports();
        let register = Command::new("epmd")
            .args(["-port", &register_port.to_string(), "-address", "127.0.0.1"])
            .stderr(Stdio::null())
            .spawn()
            .expect("epmd, which comes with Erlang");
        let home = tempfile::tempdir().unwrap();
        let mut server = Self { program, home, port, others: [node_port, register_port], register, node: None };
        server.resume();
        server
    }

    fn resume(&mut self) {
        let [node_port, register_port] = self.others;
        let within = |name: &str| self.home.path().join(name);
        let node = Command::new(&self.program)
            .env("HOME", self.home.path())
            .env("ERL_EPMD_PORT", register_port.to_string())
            .env("ERL_EPMD_ADDRESS", "127.0.0.1")
            .env("RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS", "-kernel inet_dist_use_interface {127,0,0,1}")
            .env("RABBITMQ_NODENAME", format!("souk{register_port}@localhost"))
            .env("RABBITMQ_NODE_IP_ADDRESS", "127.0.0.1")
            .env("RABBITMQ_NODE_PORT", self.port.to_string())
            .env("RABBITMQ_DIST_PORT", node_port.to_string())
            .env("RABBITMQ_MNESIA_BASE", within("data"))
            .env("RABBITMQ_LOG_BASE", within("log"))
            .env("RABBITMQ_ENABLED_PLUGINS_FILE", within("plugins"))
            .env("RABBITMQ_CONFIG_FILE", within("none"))
            .env("RABBITMQ_CONF_ENV_FILE", "/dev/null")
            .env("RABBITMQ_PID_FILE", within("pid"))
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            // A group of its own: the program is a script that starts others.
            .process_group(0)
            .spawn()
            .expect("the program of RABBITMQ_SERVER");
        self.node = Some(node);
    }

    /// Ends it as a power cut does.
    fn kill(&mut self) {
        if let Some(mut node) = self.node.take() {
            let group = format!("-{}", node.id());
            let killed = Command::new("kill").args(["-KILL", "--", &group]).status().unwrap();
            assert!(killed.success());
            node.wait().unwrap();
        }
    }

    fn url(&self) -> String {
        format!("amqp://guest:guest@127.0.0.1:{}/%2f", self.port)
    }

    /// Connects, once it is up.
    async fn channel(&self) -> (Connection, Channel) {
        let begin = Instant::now();
        loop {
            match Connection::connect(&self.url(), ConnectionProperties::default()).await {
                Ok(connection) => {
                    let channel = connection.create_channel().await.unwrap();
                    return (connection, channel);
                }
                Err(error) => assert!(begin.elapsed() < PATIENCE, "RabbitMQ does not answer: {error}"),
            }
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.kill();
        let _ = self.register.kill();
        let _ = self.register.wait();
    }
}

fn free_ports() -> [u16; 3] {
    // Held together, so that they differ.
    let held: [TcpListener; 3] = std::array::from_fn(|_| TcpListener::bind("127.0.0.1:0").unwrap());
    held.map(|listener| listener.local_addr().unwrap().port())
}

async fn told(channel: &Channel) -> Vec<i64> {
    let mut got = Vec::new();
    while let Some(message) = channel.basic_get(QUEUE.into(), BasicGetOptions { no_ack: true }).await.unwrap() {
        assert_eq!(message.routing_key.as_str(), "order.shipped");
        assert_eq!(message.properties.delivery_mode(), &Some(2));
        got.push(position(&message.data));
    }
    got
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rabbitmq_that_was_killed_keeps_what_it_confirmed_and_gets_the_rest() {
    let Some(program) = std::env::var_os("RABBITMQ_SERVER") else { return };
    let mut server = Server::start(program.into());
    let sink = RabbitMq::new(server.url().into(), EXCHANGE, "test");
    let (connection, channel) = server.channel().await;
    // Makes the exchange; no queue is bound yet, so this one is for nobody.
    sink.deliver(&events(1, 1)).await.unwrap();
    let durable = QueueDeclareOptions { durable: true, ..Default::default() };
    channel.queue_declare(QUEUE.into(), durable, FieldTable::default()).await.unwrap();
    let (all, bound) = ("order.*".into(), QueueBindOptions::default());
    channel.queue_bind(QUEUE.into(), EXCHANGE.into(), all, bound, FieldTable::default()).await.unwrap();
    sink.deliver(&events(2, 300)).await.unwrap();
    drop((channel, connection));

    server.kill();
    assert!(matches!(sink.deliver(&events(301, 320)).await, Err(PortError::Unavailable(_))));
    server.resume();
    let (_connection, channel) = server.channel().await;
    sink.deliver(&events(301, 320)).await.unwrap();
    assert_all_told(&told(&channel).await, 2..=320);
}
