//! DICOM JSON (PS3.18 Annex F) read as it streams by, without a tree of it: what is not asked for takes no memory, and of
//! what is asked for no more values are kept than anyone looks at.
//!
//! Values are whatever a stranger's VR made them. One of another kind than the attribute should have is as good as none.

use serde::de::value::MapAccessDeserializer;
use serde::de::{Deserialize, Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};
use std::fmt;
use std::marker::PhantomData;

/// Bytes of a text that are kept.
const TEXT_BYTES_MAX: usize = 4096;

/// An attribute's first `N` values.
#[derive(Debug)]
pub(crate) struct Element<T, const N: usize = 1>(pub Vec<T>);

impl<T, const N: usize> Default for Element<T, N> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<'de, T: Deserialize<'de>, const N: usize> Deserialize<'de> for Element<T, N> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        /// `{"vr": …, "Value": […]}`.
        #[derive(serde::Deserialize)]
        struct Body<V> {
            #[serde(rename = "Value")]
            values: Option<V>,
        }
        let body = Body::<Values<T, N>>::deserialize(deserializer)?;
        Ok(Self(body.values.map(|values| values.0).unwrap_or_default()))
    }
}

struct Values<T, const N: usize>(Vec<T>);

impl<'de, T: Deserialize<'de>, const N: usize> Deserialize<'de> for Values<T, N> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct First<T, const N: usize>(PhantomData<T>);
        impl<'de, T: Deserialize<'de>, const N: usize> Visitor<'de> for First<T, N> {
            type Value = Values<T, N>;
            fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str("an array of values")
            }
            fn visit_seq<A: SeqAccess<'de>>(self, mut array: A) -> Result<Self::Value, A::Error> {
                let mut values = Vec::new();
                while values.len() < N {
                    let Some(value) = array.next_element()? else { return Ok(Values(values)) };
                    values.push(value);
                }
                while array.next_element::<IgnoredAny>()?.is_some() {}
                Ok(Values(values))
            }
        }
        deserializer.deserialize_seq(First(PhantomData))
    }
}

/// A number or a text.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Scalar {
    Number(f64),
    Text(Box<str>),
    /// Null, an item, or something else.
    Other,
}

/// An item of a sequence; `None` for a value that is none.
#[derive(Debug)]
pub(crate) struct Item<T>(pub Option<T>);

/// What a [`Visitor`] makes of a value.
trait Take<'de>: Sized {
    fn number(_: f64) -> Self;
    fn text(_: &str) -> Self;
    fn item<A: MapAccess<'de>>(map: A) -> Result<Self, A::Error>;
    fn other() -> Self;
}

impl<'de> Take<'de> for Scalar {
    fn number(number: f64) -> Self {
        Self::Number(number)
    }
    fn text(text: &str) -> Self {
        Self::Text(text[..text.floor_char_boundary(TEXT_BYTES_MAX)].into())
    }
    fn item<A: MapAccess<'de>>(map: A) -> Result<Self, A::Error> {
        IgnoredAny::deserialize(MapAccessDeserializer::new(map)).map(|_| Self::Other)
    }
    fn other() -> Self {
        Self::Other
    }
}

impl<'de, T: Deserialize<'de>> Take<'de> for Item<T> {
    fn number(_: f64) -> Self {
        Self(None)
    }
    fn text(_: &str) -> Self {
        Self(None)
    }
    fn item<A: MapAccess<'de>>(map: A) -> Result<Self, A::Error> {
        T::deserialize(MapAccessDeserializer::new(map)).map(|item| Self(Some(item)))
    }
    fn other() -> Self {
        Self(None)
    }
}

struct Taking<T>(PhantomData<T>);

impl<'de, T: Take<'de>> Visitor<'de> for Taking<T> {
    type Value = T;
    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a value")
    }
    fn visit_bool<E: Error>(self, _: bool) -> Result<T, E> {
        Ok(T::other())
    }
    fn visit_unit<E: Error>(self) -> Result<T, E> {
        Ok(T::other())
    }
    fn visit_i64<E: Error>(self, number: i64) -> Result<T, E> {
        Ok(T::number(number as f64))
    }
    fn visit_u64<E: Error>(self, number: u64) -> Result<T, E> {
        Ok(T::number(number as f64))
    }
    fn visit_f64<E: Error>(self, number: f64) -> Result<T, E> {
        Ok(T::number(number))
    }
    fn visit_str<E: Error>(self, text: &str) -> Result<T, E> {
        Ok(T::text(text))
    }
    fn visit_seq<A: SeqAccess<'de>>(self, mut array: A) -> Result<T, A::Error> {
        while array.next_element::<IgnoredAny>()?.is_some() {}
        Ok(T::other())
    }
    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<T, A::Error> {
        T::item(map)
    }
}

impl<'de> Deserialize<'de> for Scalar {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Taking(PhantomData))
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Item<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Taking(PhantomData))
    }
}

impl<const N: usize> Element<Scalar, N> {
    /// A text without its padding; `None` when there is none, or nothing in it.
    pub fn text(&self) -> Option<&str> {
        self.text_at(0).map(str::trim).filter(|text| !text.is_empty())
    }

    /// A text as it is.
    pub fn text_at(&self, index: usize) -> Option<&str> {
        match self.0.get(index)? {
            Scalar::Text(text) => Some(text),
            Scalar::Number(_) | Scalar::Other => None,
        }
    }

    /// A number, which may stand as a text (DS and IS of some writers).
    pub fn number_at(&self, index: usize) -> Option<f64> {
        let number = match self.0.get(index)? {
            Scalar::Number(number) => *number,
            Scalar::Text(text) => text.trim().parse().ok()?,
            Scalar::Other => return None,
        };
        Some(number).filter(|number| number.is_finite())
    }

    /// The first number.
    pub fn number(&self) -> Option<f64> {
        self.number_at(0)
    }

    /// The first number as one of 32 bits without a sign.
    pub fn uint(&self) -> Option<u32> {
        self.number()
            .filter(|number| (0.0..=f64::from(u32::MAX)).contains(number))
            .map(|number| number as u32)
    }
}

impl<T, const N: usize> Element<Item<T>, N> {
    /// The first item.
    pub fn item(&self) -> Option<&T> {
        self.0.first()?.0.as_ref()
    }

    /// Every item.
    pub fn items(&self) -> impl Iterator<Item = &T> {
        self.0.iter().filter_map(|item| item.0.as_ref())
    }
}
