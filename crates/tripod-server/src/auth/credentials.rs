//! Tokens, and users with hashed passwords.
//!
//! A token is compared in constant time. A password costs what its bcrypt hash says (some 50 ms at cost 10): a pair that was right is
//! remembered by its SHA-256, in memory and for as long as the server runs, so that only the first request of a user is slow; and two
//! are checked at a time, so that wrong ones leave the processor to others.

use std::collections::HashSet;
use std::fmt;
use std::sync::{Mutex, PoisonError};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bcrypt::HashParts;
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;
use tokio::sync::Semaphore;

/// The shortest token that is taken.
const MIN_TOKEN: usize = 16;
/// The highest cost of a hash: it takes some seconds to check.
const MAX_COST: u32 = 14;
/// What a name that is not known is checked against, so that it takes as long as one that is.
const NOBODY: &str = "$2b$10$abcdefghijklmnopqrstuuxD0y1IbXCDmS0DAWJVdyFcqyZFGNQ0m";
/// Pairs of name and password that are remembered.
const MAX_REMEMBERED: usize = 1024;
/// Passwords that are checked at a time.
const CHECKS_AT_ONCE: usize = 2;

/// Who may ask. None at all: everyone.
pub struct Credentials {
    tokens: Vec<String>,
    /// Names and hashes.
    users: Vec<(String, String)>,
    right: Mutex<HashSet<[u8; 32]>>,
    checks: Semaphore,
}

impl Default for Credentials {
    fn default() -> Self {
        Self { tokens: Vec::new(), users: Vec::new(), right: Mutex::default(), checks: Semaphore::new(CHECKS_AT_ONCE) }
    }
}

impl fmt::Debug for Credentials {
    /// Without the secrets.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let users: Vec<&str> = self.users.iter().map(|(name, _)| name.as_str()).collect();
        f.debug_struct("Credentials").field("tokens", &self.tokens.len()).field("users", &users).finish_non_exhaustive()
    }
}

impl Credentials {
    /// Adds tokens: one a line; empty lines and those that begin with `#` are passed over.
    ///
    /// # Errors
    /// Which line is wrong and what is allowed; never the token.
    pub fn add_tokens(&mut self, text: &str) -> Result<(), String> {
        let before = self.tokens.len();
        for (line, token) in lines(text) {
            let allowed = token.len() >= MIN_TOKEN && token.bytes().all(|b| b.is_ascii_graphic());
            if !allowed {
                return Err(format!("line {line}: a token has at least {MIN_TOKEN} visible ASCII characters"));
            }
            self.tokens.push(token.to_owned());
        }
        if self.tokens.len() == before { Err("there is no token in it".to_owned()) } else { Ok(()) }
    }

    /// Adds users as `htpasswd -B` writes them: `name:$2y$…`, one a line.
    ///
    /// # Errors
    /// Which line is wrong and what is allowed.
    pub fn add_users(&mut self, text: &str) -> Result<(), String> {
        let before = self.users.len();
        for (line, user) in lines(text) {
            let wrong =
                |what: &str| format!("line {line}: {what}; it must be NAME:HASH, as `htpasswd -nB NAME` prints it");
            let (name, hash) = user.split_once(':').ok_or_else(|| wrong("no name and hash"))?;
            let parts: HashParts = hash.parse().map_err(|_| wrong("the hash is not one of bcrypt"))?;
            if name.is_empty() {
                return Err(wrong("no name"));
            }
            if parts.get_cost() > MAX_COST {
                return Err(wrong(&format!("the hash's cost is above {MAX_COST}")));
            }
            self.users.push((name.to_owned(), hash.to_owned()));
        }
        if self.users.len() == before { Err("there is no user in it".to_owned()) } else { Ok(()) }
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.tokens.is_empty() && self.users.is_empty()
    }

    /// Whether what was shown is right.
    pub(super) async fn accept(&self, proof: Option<Proof>) -> bool {
        match proof {
            None => false,
            Some(Proof::Token(token)) => self.is_token(&token),
            // A browser asks for a name and a password: with any name, a token is one.
            Some(Proof::Password(name, password)) => self.is_token(&password) || self.is_user(name, password).await,
        }
    }

    /// Looks at every token, and at every byte of it.
    fn is_token(&self, token: &str) -> bool {
        let found = self.tokens.iter().fold(0, |found, one| found | one.as_bytes().ct_eq(token.as_bytes()).unwrap_u8());
        found == 1
    }

    async fn is_user(&self, name: String, password: String) -> bool {
        if self.users.is_empty() {
            return false;
        }
        let pair = digest(&name, &password);
        if self.right().contains(&pair) {
            return true;
        }
        let Ok(_turn) = self.checks.acquire().await else { return false };
        let known = self.users.iter().find(|(user, _)| *user == name).map(|(_, hash)| hash.clone());
        let is_known = known.is_some();
        let hash = known.unwrap_or_else(|| NOBODY.to_owned());
        let check = move || bcrypt::verify(password, &hash).unwrap_or(false);
        let right = tokio::task::spawn_blocking(check).await.unwrap_or(false) && is_known;
        if right {
            let mut remembered = self.right();
            if remembered.len() >= MAX_REMEMBERED {
                remembered.clear();
            }
            remembered.insert(pair);
        }
        right
    }

    fn right(&self) -> std::sync::MutexGuard<'_, HashSet<[u8; 32]>> {
        self.right.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Lines that say something, with their numbers.
fn lines(text: &str) -> impl Iterator<Item = (usize, &str)> {
    let lines = text.lines().enumerate().map(|(at, line)| (at + 1, line.trim()));
    lines.filter(|(_, line)| !line.is_empty() && !line.starts_with('#'))
}

fn digest(name: &str, password: &str) -> [u8; 32] {
    let mut hasher = Sha256::new();
    hasher.update((name.len() as u64).to_le_bytes());
    hasher.update(name);
    hasher.update(password);
    hasher.finalize().into()
}

/// What a request shows to be let in.
#[derive(PartialEq, Eq)]
pub(super) enum Proof {
    Token(String),
    /// Name and password.
    Password(String, String),
}

impl Proof {
    /// Reads the header `Authorization`.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let (scheme, rest) = text.split_once(' ')?;
        let rest = rest.trim();
        if scheme.eq_ignore_ascii_case("bearer") {
            return Some(Self::Token(rest.to_owned()));
        }
        if !scheme.eq_ignore_ascii_case("basic") {
            return None;
        }
        let pair = String::from_utf8(STANDARD.decode(rest).ok()?).ok()?;
        pair.split_once(':').map(|(name, password)| Self::Password(name.to_owned(), password.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TOKEN: &str = "0123456789abcdef";

    fn credentials() -> Credentials {
        let mut credentials = Credentials::default();
        credentials.add_tokens(&format!("# for Prometheus\n\n{TOKEN}\nanother-token-of-mine\n")).unwrap();
        let hash = bcrypt::hash("secret", 4).unwrap();
        credentials.add_users(&format!("ada:{hash}\n")).unwrap();
        credentials
    }

    async fn accepts(credentials: &Credentials, header: &str) -> bool {
        credentials.accept(Proof::parse(header)).await
    }

    fn basic(pair: &str) -> String {
        format!("Basic {}", STANDARD.encode(pair))
    }

    #[tokio::test]
    async fn a_token_and_a_users_password_are_right_and_nothing_else_is() {
        let credentials = credentials();
        for right in [
            format!("Bearer {TOKEN}"),
            "bearer another-token-of-mine".to_owned(),
            basic("ada:secret"),
            basic("ada:secret"),
            basic(&format!("anyone:{TOKEN}")),
        ] {
            assert!(accepts(&credentials, &right).await, "{right}");
        }
        for wrong in [
            "",
            "Bearer",
            "Bearer ",
            "Bearer 0123456789abcde",
            "Bearer 0123456789abcdeg",
            "Digest x",
            "Basic !",
            &basic("ada"),
            &basic("ada:Secret"),
            &basic("ada:"),
            &basic("bob:secret"),
            &basic(":"),
        ] {
            assert!(!accepts(&credentials, wrong).await, "{wrong}");
        }
    }

    #[test]
    fn what_is_wrong_with_a_file_is_said_with_its_line_and_without_its_secret() {
        for (text, reason) in
            [("# only a comment", "no token"), ("\nshort-secret", "line 2"), ("white space here!", "line 1")]
        {
            let said = Credentials::default().add_tokens(text).unwrap_err();
            assert!(said.contains(reason) && !said.contains("secret"), "{said}");
        }
        let hash = bcrypt::hash("secret", 4).unwrap();
        for (text, reason) in [
            ("", "no user"),
            ("ada", "line 1"),
            ("ada:secret", "not one of bcrypt"),
            (&format!(":{hash}"), "no name"),
            (&format!("ada:{}", hash.replace("$04$", "$20$")), "cost is above 14"),
        ] {
            let said = Credentials::default().add_users(text).unwrap_err();
            assert!(said.contains(reason) && !said.contains("secret"), "{said}");
        }
    }

    #[test]
    fn secrets_are_not_in_what_is_printed() {
        let shown = format!("{:?}", credentials());
        assert!(shown.contains("ada") && !shown.contains(TOKEN) && !shown.contains("$2"), "{shown}");
    }

    #[test]
    fn the_hash_of_nobody_is_one() {
        assert!(NOBODY.parse::<HashParts>().is_ok());
    }
}
