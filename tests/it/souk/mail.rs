//! What people have got by e-mail, in the directory that stands in for a mail server.

use super::{Souk, eventually};

/// A message.
#[derive(Clone, Debug)]
pub struct Message {
    /// The key of its notification as the file's name has it: `order_confirmed.{id}`.
    pub name: String,
    /// Whom it is for.
    pub to: String,
    /// Its subject.
    pub subject: String,
    /// Its `Message-ID`.
    pub id: String,
    /// All of it, with long lines joined again.
    pub body: String,
}

impl Message {
    /// Reads a message as it is sent.
    pub fn read(name: &str, bytes: &[u8]) -> Self {
        let text = String::from_utf8_lossy(bytes).replace("\r\n", "\n");
        let (head, body) = text.split_once("\n\n").expect("a head and a body");
        let head = head.replace("\n ", " ");
        let header = |name: &str| {
            let found = head.lines().find_map(|line| line.strip_prefix(&format!("{name}: ")));
            found.unwrap_or_else(|| panic!("no {name} in {head}")).to_owned()
        };
        // Quoted-printable; the tests use no character that needs more than this.
        let body = body.replace("=\n", "").replace("=3D", "=");
        Self { name: name.to_owned(), to: header("To"), subject: header("Subject"), id: header("Message-ID"), body }
    }

    /// Whether text and HTML both say it.
    pub fn says(&self, what: &str) -> bool {
        self.body.matches(what).count() >= 2
    }

    /// The token that its link holds, in text and HTML.
    pub fn token(&self) -> String {
        let (_, rest) = self.body.split_once("?token=").unwrap_or_else(|| panic!("no link: {}", self.body));
        let token: String = rest.chars().take_while(char::is_ascii_hexdigit).collect();
        assert_eq!(token.len(), 64, "{}", self.body);
        assert!(self.says(&token));
        token
    }

    /// What it tells of, such as `order_confirmed`.
    pub fn kind(&self) -> &str {
        self.name.split('.').next().unwrap_or_default()
    }
}

impl Souk {
    /// Messages of a kind to an address, once there are so many.
    pub async fn letters(&self, kind: &str, to: &str, count: usize) -> Vec<Message> {
        eventually(&format!("{count} {kind} to {to}"), async || {
            let found: Vec<_> =
                self.mail().into_iter().filter(|message| message.kind() == kind && message.to == to).collect();
            (found.len() >= count).then_some(found)
        })
        .await
    }

    /// Every message that was written, by name. Needs `SOUK_MAIL=file`, as the embedded set-up has it.
    pub fn mail(&self) -> Vec<Message> {
        let Ok(files) = self.directory.path().join("mail").read_dir() else { return Vec::new() };
        let mut messages: Vec<Message> = files
            .map(|file| file.expect("a file").path())
            .filter(|path| path.extension().is_some_and(|extension| extension == "eml"))
            .map(|path| {
                let name = path.file_stem().expect("a name").to_string_lossy().into_owned();
                Message::read(&name, &std::fs::read(&path).expect("a message"))
            })
            .collect();
        messages.sort_by(|a, b| a.name.cmp(&b.name));
        messages
    }
}
