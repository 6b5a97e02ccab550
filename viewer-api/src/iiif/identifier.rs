//! What an identifier names: a slide (`ID`), one of its layers or another choice of its channels (`ID;z=-1.5&path=2`,
//! `ID;channels=…`), either of a revision (`ID;rev=…`); or one of its associated images (`ID:label`, `ID:overview`,
//! `ID:thumbnail`). A client makes every address of the identifier alone, so all that is chosen has to be in it.

use crate::problem::ApiError;
use crate::slide_layers::LayerQuery;
use model::SlideId;
use wsi::AssociatedKind;
use wsi::out::Seen;

/// What an identifier names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Image {
    /// A slide, as it is looked at.
    Slide(SlideId, LayerQuery),
    /// An image beside the slide.
    Associated(SlideId, AssociatedKind),
}

impl Image {
    /// # Errors
    /// [`ApiError::NotFound`]: it names nothing.
    pub fn parse(text: &str) -> Result<Self, ApiError> {
        let slide = |text: &str| SlideId::parse(text).map_err(|_| ApiError::NotFound);
        if let Some((id, choice)) = text.split_once(';') {
            return Ok(Self::Slide(slide(id)?, choice_of(choice)?));
        }
        match text.split_once(':') {
            None => slide(text).map(|id| Self::Slide(id, LayerQuery::default())),
            Some((id, kind)) => {
                let kind = AssociatedKind::parse(kind).ok_or(ApiError::NotFound)?;
                slide(id).map(|id| Self::Associated(id, kind))
            }
        }
    }

    /// The identifier as it stands in an address: a percent sign of its own is encoded (IIIF Image API 3.0 §9).
    pub fn name(&self) -> String {
        match self {
            Self::Slide(id, choice) if *choice == LayerQuery::default() => id.to_string(),
            Self::Slide(id, choice) => format!("{id};{}", text_of(choice).replace('%', "%25")),
            Self::Associated(id, kind) => format!("{id}:{}", kind.as_str()),
        }
    }

    /// How the slide is looked at.
    ///
    /// # Errors
    /// As [`LayerQuery::seen`].
    pub fn seen(&self) -> Result<Seen, ApiError> {
        match self {
            Self::Slide(_, choice) => choice.clone().seen(),
            Self::Associated(..) => Ok(Seen::default()),
        }
    }
}

/// Pairs as in a query (application/x-www-form-urlencoded), each name once.
fn choice_of(text: &str) -> Result<LayerQuery, ApiError> {
    let mut choice = LayerQuery::default();
    for (name, value) in form_urlencoded::parse(text.as_bytes()) {
        let field = match &*name {
            "z" => &mut choice.z,
            "path" => &mut choice.path,
            "channels" => &mut choice.channels,
            "rev" => &mut choice.rev,
            _ => return Err(ApiError::NotFound),
        };
        if field.replace(value.into_owned()).is_some() {
            return Err(ApiError::NotFound);
        }
    }
    if choice == LayerQuery::default() { Err(ApiError::NotFound) } else { Ok(choice) }
}

fn text_of(choice: &LayerQuery) -> String {
    let LayerQuery { z, path, channels, rev } = choice;
    let mut pairs = form_urlencoded::Serializer::new(String::new());
    for (name, value) in [("z", z), ("path", path), ("channels", channels), ("rev", rev)] {
        if let Some(value) = value {
            pairs.append_pair(name, value);
        }
    }
    pairs.finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    const ID: &str = "01a2077e-2f43-74a0-8029-0ef7c3507664";

    #[test]
    fn identifiers_name_slides_and_their_other_images() {
        let slide = SlideId::parse(ID).unwrap();
        assert_eq!(Image::parse(ID).unwrap(), Image::Slide(slide.clone(), LayerQuery::default()));
        let label = Image::parse(&format!("{ID}:label")).unwrap();
        assert_eq!(label, Image::Associated(slide, AssociatedKind::Label));
        assert_eq!(label.name(), format!("{ID}:label"));
        for text in [
            "",
            ":",
            "a b",
            "../x",
            ":label",
            &format!("{ID}:"),
            &format!("{ID}:macro"),
            &format!("{ID}:label:"),
            &format!("{ID};"),
            &format!("{ID};z"),
            &format!("{ID};y=1"),
            &format!("{ID};z=1&z=2"),
            &format!("{ID}:label;z=1"),
        ] {
            let is_unknown = matches!(Image::parse(text), Err(ApiError::NotFound));
            assert!(is_unknown || text.ends_with(";z"), "{text}");
        }
    }

    #[test]
    fn what_is_chosen_is_in_the_identifier_and_comes_back_from_the_address() {
        let check = |written: &str, name: &str| {
            let image = Image::parse(&format!("{ID};{written}")).unwrap();
            assert_eq!(image.name(), format!("{ID};{name}"));
            // What a server makes of the address: percent signs decoded once.
            assert_eq!(Image::parse(&image.name().replace("%25", "%")).unwrap(), image);
        };
        check("z=-1.5&path=2", "z=-1.5&path=2");
        check("path=2&z=-1.5", "z=-1.5&path=2");
        check("channels=dapi:0000FF:0-9", "channels=dapi%253A0000FF%253A0-9");
        check("path=a+b%3B%25", "path=a+b%253B%2525");
        check("rev=0123456789abcdef", "rev=0123456789abcdef");
    }
}
