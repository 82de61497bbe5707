//! A directory in place of a mail server.

use std::io::Write;
use std::path::{Path, PathBuf};

use async_trait::async_trait;
use souk_domain::port::{Email, Mailer, PortError};
use uuid::Uuid;

use super::Sender;

/// Writes each message to a file that is named by its key, so that a message sent twice is there
/// once; mail programs open it.
#[derive(Clone, Debug)]
pub struct Files {
    directory: PathBuf,
    sender: Sender,
}

impl Files {
    /// `directory` is made when it is needed.
    pub fn new(directory: PathBuf, sender: Sender) -> Self {
        Self { directory, sender }
    }
}

#[async_trait]
impl Mailer for Files {
    async fn send(&self, email: &Email) -> Result<(), PortError> {
        let bytes = self.sender.message(email)?.formatted();
        let (directory, name) = (self.directory.clone(), file_name(&email.key));
        let written = tokio::task::spawn_blocking(move || write(&directory, &name, &bytes)).await;
        match written {
            Ok(Ok(())) => Ok(()),
            Ok(Err(error)) => Err(PortError::Unavailable(format!("the mail directory: {error}"))),
            Err(error) => Err(PortError::Unknown(error.to_string())),
        }
    }
}

/// Keys are words, ids and days joined by `:` and `#`.
fn file_name(key: &str) -> String {
    let plain = key.chars().map(|char| match char {
        ':' => '.',
        '#' => '+',
        char if char.is_ascii_alphanumeric() || char == '-' => char,
        _ => '_',
    });
    format!("{}.eml", plain.collect::<String>())
}

/// A reader sees the whole file or none, also when the process is killed in between.
fn write(directory: &Path, name: &str, bytes: &[u8]) -> std::io::Result<()> {
    std::fs::create_dir_all(directory)?;
    let unfinished = directory.join(format!(".{}", Uuid::now_v7()));
    let mut file = std::fs::File::create(&unfinished)?;
    file.write_all(bytes)?;
    file.sync_data()?;
    std::fs::rename(&unfinished, directory.join(name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_message_sent_twice_is_one_file() {
        let directory = tempfile::tempdir().unwrap();
        let files = Files::new(directory.path().join("mail"), Sender::read("post@shop.example").unwrap());
        let email = Email {
            key: "refunded:../1#2".into(),
            to: "a@example.com".into(),
            written_at: chrono::DateTime::UNIX_EPOCH,
            subject: "Hello".into(),
            text: "A text.".into(),
            html: "<p>A text.</p>".into(),
        };
        files.send(&email).await.unwrap();
        files.send(&email).await.unwrap();
        let there: Vec<_> = std::fs::read_dir(directory.path().join("mail"))
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        assert_eq!(there, ["refunded.___1+2.eml"]);
    }
}
