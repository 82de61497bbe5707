//! A mail server that can be told what to answer.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};

use crate::souk::mail::Message;

/// What becomes of messages to an address.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Answer {
    /// They are taken.
    #[default]
    Take,
    /// Not now.
    Later,
    /// The address is not known.
    Never,
    /// They are taken, and nobody is told so.
    Silence,
}

/// The server.
#[derive(Clone)]
pub struct MailServer {
    /// What `SOUK_MAIL` is with it.
    pub url: String,
    state: Arc<Mutex<State>>,
}

#[derive(Default)]
struct State {
    answers: HashMap<String, Answer>,
    /// The messages that were handed over, whatever was answered.
    seen: Vec<Message>,
}

impl MailServer {
    /// Starts one that takes everything.
    pub async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let url = format!("smtp://{}?tls=none", listener.local_addr().expect("an address"));
        let server = Self { url, state: Arc::default() };
        let serving = server.clone();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let server = serving.clone();
                // Whoever hangs up is served.
                tokio::spawn(async move { drop(server.serve(stream).await) });
            }
        });
        server
    }

    /// What becomes of messages to `to` from now on.
    pub fn answers(&self, to: &str, answer: Answer) {
        self.state().answers.insert(to.to_owned(), answer);
    }

    /// The messages to `to` that were handed over, whatever was answered.
    pub fn seen(&self, to: &str) -> Vec<Message> {
        // Every new account is asked to prove its address, and who may sell is told so; that is told elsewhere.
        let asked = |message: &&Message| {
            message.subject == "Is this your e-mail address?" || message.subject.ends_with(" may sell now")
        };
        self.state().seen.iter().filter(|message| message.to == to && !asked(message)).cloned().collect()
    }

    fn state(&self) -> std::sync::MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn serve(&self, stream: TcpStream) -> std::io::Result<()> {
        let (read, mut write) = stream.into_split();
        let mut lines = BufReader::new(read).lines();
        let mut to = String::new();
        write.write_all(b"220 post.example\r\n").await?;
        while let Some(line) = lines.next_line().await? {
            let verb = line.split([' ', ':']).next().unwrap_or_default().to_ascii_uppercase();
            let answer = match verb.as_str() {
                "EHLO" => "250-post.example\r\n250 8BITMIME".to_owned(),
                "RCPT" => {
                    to = line.split(['<', '>']).nth(1).unwrap_or_default().to_owned();
                    match self.answer(&to) {
                        Answer::Never => format!("550 5.1.1 <{to}> is unknown"),
                        _ => "250 ok".to_owned(),
                    }
                }
                "DATA" => {
                    write.write_all(b"354 go on\r\n").await?;
                    let mut data = Vec::new();
                    while let Some(line) = lines.next_line().await?.filter(|line| line != ".") {
                        data.extend_from_slice(line.as_bytes());
                        data.extend_from_slice(b"\r\n");
                    }
                    self.state().seen.push(Message::read(&to, &data));
                    match self.answer(&to) {
                        Answer::Later => "451 later".to_owned(),
                        Answer::Silence => std::future::pending().await,
                        Answer::Take | Answer::Never => "250 taken".to_owned(),
                    }
                }
                "QUIT" => "221 bye".to_owned(),
                _ => "250 ok".to_owned(),
            };
            write.write_all(format!("{answer}\r\n").as_bytes()).await?;
        }
        Ok(())
    }

    fn answer(&self, to: &str) -> Answer {
        self.state().answers.get(to).copied().unwrap_or_default()
    }
}
