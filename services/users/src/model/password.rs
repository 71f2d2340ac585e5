use model::Secret;

use super::Limits;
use crate::{Error, Result};

/// A longer one is no password but work for the hash.
const MAX_BYTES: usize = 1024;

/// A password as somebody typed it; never printed, wiped after use.
#[derive(Clone, Debug)]
pub struct Password(Secret);

impl Password {
    /// Takes a password to be compared with the one a user has.
    ///
    /// # Errors
    /// When it is empty or has more than 1024 bytes.
    pub fn presented(password: Secret) -> Result<Self> {
        match password.expose().len() {
            0 => Err(Error::PasswordMissing),
            1..=MAX_BYTES => Ok(Self(password)),
            _ => Err(Error::PasswordTooLong),
        }
    }

    /// Takes a password that somebody chose.
    ///
    /// # Errors
    /// As [`Password::presented`], and when it is shorter than the limit.
    pub fn chosen(password: Secret, limits: &Limits) -> Result<Self> {
        let password = Self::presented(password)?;
        if password.0.expose().len() < limits.password_min {
            return Err(Error::PasswordTooShort(limits.password_min));
        }
        Ok(password)
    }

    pub(crate) fn bytes(&self) -> &[u8] {
        self.0.expose().as_bytes()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths() {
        let limits = Limits {
            password_min: 8,
            metadata_bytes: 0,
            metadata_depth: 0,
        };
        let presented = |length| Password::presented(Secret::new("x".repeat(length))).err();
        let chosen = |length| Password::chosen(Secret::new("x".repeat(length)), &limits).err();
        assert_eq!(presented(0), Some(Error::PasswordMissing));
        assert_eq!(presented(1), None);
        assert_eq!(presented(1024), None);
        assert_eq!(presented(1025), Some(Error::PasswordTooLong));
        assert_eq!(chosen(0), Some(Error::PasswordMissing));
        assert_eq!(chosen(7), Some(Error::PasswordTooShort(8)));
        assert_eq!(chosen(8), None);
    }

    #[test]
    fn w11_a_password_is_never_printed() {
        let password = Password::presented(Secret::from("hunter2")).unwrap();
        assert!(!format!("{password:?}").contains("hunter2"));
    }
}
