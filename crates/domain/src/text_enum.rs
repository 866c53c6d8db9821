//! Enums that are stored, sent and shown as snake-case words.

/// Declares an enum together with its words, so that the database, the API and the code cannot
/// drift apart: `as_str` and `FromStr` are generated from one list.
#[macro_export]
macro_rules! text_enum {
    ($(#[$meta:meta])* $vis:vis enum $name:ident { $($(#[$vmeta:meta])* $variant:ident = $word:literal),+ $(,)? }) => {
        $(#[$meta])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, serde::Serialize, serde::Deserialize)]
        $vis enum $name {
            $($(#[$vmeta])* #[serde(rename = $word)] $variant),+
        }
        impl $name {
            /// Every value, in declaration order.
            pub const ALL: &'static [Self] = &[$(Self::$variant),+];
            /// The word for this value, as stored and sent.
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $word),+ }
            }
        }
        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result { f.write_str(self.as_str()) }
        }
        impl std::str::FromStr for $name {
            type Err = $crate::text_enum::UnknownWord;
            fn from_str(word: &str) -> std::result::Result<Self, Self::Err> {
                match word { $($word => Ok(Self::$variant),)+ _ => Err($crate::text_enum::UnknownWord(stringify!($name))) }
            }
        }
    };
}

/// A [`text_enum`](crate::text_enum) that the database stores by its words.
macro_rules! stored_enum {
    ($(#[$meta:meta])* $vis:vis enum $name:ident { $($(#[$vmeta:meta])* $variant:ident = $word:literal),+ $(,)? }) => {
        $crate::text_enum! {
            $(#[$meta])*
            #[cfg_attr(feature = "sqlx", derive(sqlx::Type), sqlx(type_name = "text"))]
            $vis enum $name {
                $($(#[$vmeta])* #[cfg_attr(feature = "sqlx", sqlx(rename = $word))] $variant = $word),+
            }
        }
    };
}
pub(crate) use stored_enum;

/// A word that is not among an enum's words. Carries the enum's name, not the rejected input.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("unknown {0}")]
pub struct UnknownWord(pub &'static str);
