use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

use super::*;

/// A server that answers every connection with `answer`; returns its port and the count of
/// connections.
async fn server(answer: Vec<u8>) -> (u16, Arc<AtomicUsize>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let port = listener.local_addr().expect("an address").port();
    let connections = Arc::new(AtomicUsize::new(0));
    let count = connections.clone();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            count.fetch_add(1, Ordering::SeqCst);
            let answer = answer.clone();
            tokio::spawn(async move {
                let mut request = [0; 4_096];
                let _ = stream.read(&mut request).await;
                let _ = stream.write_all(&answer).await;
            });
        }
    });
    (port, connections)
}

fn webhook(url: String) -> OutgoingWebhook {
    OutgoingWebhook { url, headers: vec![("webhook-id", "1".into())], body: b"{}".to_vec() }
}

#[tokio::test]
async fn an_answer_is_read_up_to_its_limit() {
    let body = "é".repeat(READ);
    let answer = format!("HTTP/1.1 202 Accepted\r\ncontent-length: {}\r\n\r\n{body}", body.len());
    let (port, _) = server(answer.into_bytes()).await;
    let sender = HttpSender::new(Targets::Any).expect("a client");
    let told = sender.post(&webhook(format!("http://127.0.0.1:{port}/"))).await.expect("an answer");
    assert_eq!((told.status, told.body), (202, "é".repeat(READ / 2)));
}

#[tokio::test]
async fn a_redirect_is_an_answer_and_not_followed() {
    let (elsewhere, connections) = server(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n".to_vec()).await;
    let answer = format!(
        "HTTP/1.1 307 Temporary Redirect\r\nlocation: http://127.0.0.1:{elsewhere}/\r\ncontent-length: 0\r\n\r\n"
    );
    let (port, _) = server(answer.into_bytes()).await;
    let sender = HttpSender::new(Targets::Any).expect("a client");
    let told = sender.post(&webhook(format!("http://127.0.0.1:{port}/"))).await.expect("an answer");
    assert_eq!(told.status, 307);
    assert_eq!(connections.load(Ordering::SeqCst), 0);
}

#[tokio::test]
async fn nothing_private_is_connected_to() {
    let (port, connections) = server(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n".to_vec()).await;
    let sender = HttpSender::new(Targets::Public).expect("a client");
    for host in ["127.0.0.1", "2130706433", "0x7f.1", "localhost", "[::ffff:127.0.0.1]"] {
        let error = sender.post(&webhook(format!("https://{host}:{port}/"))).await.expect_err(host);
        assert!(error.contains("public internet"), "{host}: {error}");
    }
    assert_eq!(connections.load(Ordering::SeqCst), 0);
}

#[tokio::test]
async fn a_name_that_leads_to_this_machine_is_not_connected_to() {
    let (port, connections) = server(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n".to_vec()).await;
    // As if its owner had passed the check of the URL with another address.
    let sender = HttpSender { targets: Targets::Any, ..HttpSender::new(Targets::Public).expect("a client") };
    let error = sender.post(&webhook(format!("http://localhost:{port}/"))).await.expect_err("a private address");
    assert!(error.contains("public internet"), "{error}");
    assert_eq!(connections.load(Ordering::SeqCst), 0);
}
