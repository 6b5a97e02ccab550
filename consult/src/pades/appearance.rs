//! What a field shows: a page that was set apart, taken into the increment as a form XObject (ISO 32000-2 §8.10).

use super::PadesError;
use super::increment::Increment;
use crate::extract::load;
use lopdf::{Dictionary, Document, Object, ObjectId, Stream};
use std::collections::BTreeMap;

/// Objects taken over at most.
const OBJECTS_MAX: usize = 256;

/// An appearance that shows nothing.
pub(super) fn empty(increment: &mut Increment, width: f32, height: f32) -> ObjectId {
    increment.add(Stream::new(form(width, height, Dictionary::new()), Vec::new()))
}

/// Takes the first page of a PDF over as an appearance of this size.
pub(super) fn of_page(
    increment: &mut Increment,
    page_pdf: &[u8],
    width: f32,
    height: f32,
) -> Result<ObjectId, PadesError> {
    let source = load(page_pdf).map_err(PadesError::Malformed)?;
    let broken = |_| PadesError::Malformed("an appearance");
    let page = source.page_iter().next().ok_or(PadesError::Malformed("an appearance"))?;
    let content = source.get_page_content(page);
    let resources = source
        .get_dictionary(page)
        .and_then(|page| page.get_deref(b"Resources", &source))
        .and_then(Object::as_dict)
        .map_err(broken)?;
    let mut copying = Copying { source: &source, taken: BTreeMap::new(), waiting: Vec::new() };
    let Object::Dictionary(resources) = copying.renumbered(increment, Object::Dictionary(resources.clone()))
    else {
        return Err(PadesError::Malformed("an appearance"));
    };
    copying.finish(increment)?;
    let stream = Stream::new(form(width, height, resources), content);
    Ok(increment.add(stream))
}

fn form(width: f32, height: f32, resources: Dictionary) -> Dictionary {
    let mut form = Dictionary::new();
    form.set("Type", "XObject");
    form.set("Subtype", "Form");
    form.set("BBox", vec![0.into(), 0.into(), width.into(), height.into()]);
    form.set("Resources", resources);
    form
}

/// Objects of another file on their way into an increment, under new numbers.
struct Copying<'a> {
    source: &'a Document,
    taken: BTreeMap<ObjectId, ObjectId>,
    waiting: Vec<ObjectId>,
}

impl Copying<'_> {
    /// The same object with the numbers that its references get here. Objects are not nested deeply in what the
    /// typesetter writes, and no other file comes here.
    fn renumbered(&mut self, increment: &mut Increment, object: Object) -> Object {
        match object {
            Object::Reference(id) => Object::Reference(*self.taken.entry(id).or_insert_with(|| {
                self.waiting.push(id);
                increment.new_id()
            })),
            Object::Array(items) => {
                Object::Array(items.into_iter().map(|item| self.renumbered(increment, item)).collect())
            }
            Object::Dictionary(dictionary) => {
                Object::Dictionary(self.renumbered_dictionary(increment, dictionary))
            }
            Object::Stream(mut stream) => {
                stream.dict = self.renumbered_dictionary(increment, stream.dict);
                Object::Stream(stream)
            }
            other => other,
        }
    }

    fn renumbered_dictionary(&mut self, increment: &mut Increment, from: Dictionary) -> Dictionary {
        let mut to = Dictionary::new();
        for (key, value) in from {
            let value = self.renumbered(increment, value);
            to.set(key, value);
        }
        to
    }

    fn finish(&mut self, increment: &mut Increment) -> Result<(), PadesError> {
        while let Some(id) = self.waiting.pop() {
            if self.taken.len() > OBJECTS_MAX {
                return Err(PadesError::Malformed("an appearance of too many objects"));
            }
            let object = self.source.get_object(id).map_err(|_| PadesError::Malformed("an appearance"))?;
            let object = self.renumbered(increment, object.clone());
            if let Some(new) = self.taken.get(&id) {
                increment.set(*new, object);
            }
        }
        Ok(())
    }
}
