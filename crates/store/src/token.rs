//! Bearer tokens: 256 random bits that are shown once; only their SHA-256 is stored.
//!
//! A token is found by its hash, so that the time of a look-up says nothing about how much of a guess was right.

use std::fmt;
use std::str::FromStr;

use model::{AgentId, Time};
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use crate::queries::read_all;
use crate::value::{print_word, values};
use crate::{Row, Store, StoreError};

/// What the bearer of a token may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// Everything, tokens included.
    Admin,
    /// Lists, recordings and every agent's state.
    Supervisor,
    /// Lists, recordings, their audio and samples.
    Qa,
    /// Lists of agents and queues, and the own state.
    Agent,
    /// A program that takes payments: secure inputs with what was pressed in them, and lists of agents and queues.
    Payment,
    /// Lists.
    Viewer,
}

impl Role {
    /// Every role, from the one that may most.
    pub const ALL: [Role; 6] =
        [Role::Admin, Role::Supervisor, Role::Qa, Role::Agent, Role::Payment, Role::Viewer];
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&print_word(self))
    }
}

/// A text that names no role.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("a role is admin, supervisor, qa, agent, payment or viewer")]
pub struct ParseRoleError;

impl FromStr for Role {
    type Err = ParseRoleError;

    fn from_str(text: &str) -> Result<Role, ParseRoleError> {
        Role::ALL.into_iter().find(|role| role.to_string() == text).ok_or(ParseRoleError)
    }
}

/// Who presented a token that is valid.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Bearer {
    /// The token's name.
    pub name: String,
    /// What it may do.
    pub role: Role,
    /// The agent it belongs to.
    pub agent: Option<AgentId>,
    /// Which token, by the hash that it is stored under.
    sha256: String,
}

/// A token as lists show it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct TokenRow {
    /// Its name; unique among those that are not revoked.
    pub name: String,
    /// What it may do.
    pub role: Role,
    /// The agent it belongs to.
    pub agent: Option<AgentId>,
    /// When it was made.
    pub created_at: Time,
    /// When it was revoked.
    pub revoked_at: Option<Time>,
}

impl Store {
    /// Makes a token and returns its secret, which is not stored: 43 characters of base64url after `hl_`.
    ///
    /// # Errors
    ///
    /// [`StoreError::NameTaken`] when a token of that name is not revoked; when the database fails.
    pub async fn create_token(
        &self,
        name: &str,
        role: Role,
        agent: Option<AgentId>,
        now: Time,
    ) -> Result<String, StoreError> {
        let secret = random_secret()?;
        let agent = agent.as_ref().map(AgentId::as_str);
        let values = values![hash(&secret), name, print_word(&role), agent, now];
        match self.db().execute(CREATE, &values).await? {
            0 => Err(StoreError::NameTaken { name: name.to_owned() }),
            _ => Ok(secret),
        }
    }

    /// Whose token this is; `None` when it is unknown or revoked.
    ///
    /// # Errors
    ///
    /// When the database does not answer.
    pub async fn authenticate(&self, secret: &str) -> Result<Option<Bearer>, StoreError> {
        let sha256 = hash(secret);
        let rows = self.db().rows(FIND, &values![sha256.as_str()]).await?;
        let read = |mut row: Row| {
            Ok(Bearer { name: row.text()?, role: row.word()?, agent: row.maybe_name()?, sha256 })
        };
        rows.into_iter().next().map(read).transpose()
    }

    /// Whether the token that was presented is still valid: what goes on for long asks again.
    ///
    /// # Errors
    ///
    /// When the database does not answer.
    pub async fn still_stands(&self, bearer: &Bearer) -> Result<bool, StoreError> {
        Ok(!self.db().rows(FIND, &values![bearer.sha256.as_str()]).await?.is_empty())
    }

    /// Every token, revoked ones too.
    ///
    /// # Errors
    ///
    /// When the database does not answer.
    pub async fn tokens(&self) -> Result<Vec<TokenRow>, StoreError> {
        read_all(self.db().rows(LIST, &[]).await?, |mut row| {
            Ok(TokenRow {
                name: row.text()?,
                role: row.word()?,
                agent: row.maybe_name()?,
                created_at: row.time()?,
                revoked_at: row.maybe_time()?,
            })
        })
    }

    /// Revokes a token; false when there is none of that name.
    ///
    /// # Errors
    ///
    /// When the database does not answer.
    pub async fn revoke_token(&self, name: &str, now: Time) -> Result<bool, StoreError> {
        Ok(self.db().execute(REVOKE, &values![name, now]).await? > 0)
    }
}

fn random_secret() -> Result<String, StoreError> {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    // 43 characters of 6 bits are 258 bits.
    let mut bytes = [0; 43];
    getrandom::fill(&mut bytes).map_err(|error| StoreError::Random(error.to_string()))?;
    let characters = bytes.iter().map(|byte| char::from(ALPHABET[usize::from(byte & 63)]));
    Ok("hl_".chars().chain(characters).collect())
}

fn hash(secret: &str) -> String {
    crate::value::hexadecimal(&Sha256::digest(secret.as_bytes()))
}

const CREATE: &str = "INSERT INTO tokens (sha256, name, role, agent, created_ms)
     VALUES ($1, $2, $3, $4, $5) ON CONFLICT DO NOTHING";
const FIND: &str = "SELECT name, role, agent FROM tokens WHERE sha256 = $1 AND revoked_ms IS NULL";
const LIST: &str = "SELECT name, role, agent, created_ms, revoked_ms FROM tokens ORDER BY created_ms, name";
const REVOKE: &str = "UPDATE tokens SET revoked_ms = $2 WHERE name = $1 AND revoked_ms IS NULL";
