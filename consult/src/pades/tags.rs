//! Signature fields in the structure tree (ISO 32000-2 §14.7), behind the page's own text: whoever hears the page comes to them
//! in their order, and hears whose they are.

use super::PadesError;
use super::increment::{Increment, text};
use lopdf::{Dictionary, Object, ObjectId, dictionary};

/// A field that is on a page.
pub(super) struct Tagged {
    pub field: ObjectId,
    pub page: ObjectId,
    /// What is said of it.
    pub words: String,
}

/// Adds a form element for each field; a file without a structure tree stays without.
pub(super) fn add(increment: &mut Increment, fields: &[Tagged]) -> Result<(), PadesError> {
    let Ok(root_id) = increment.in_catalog(b"StructTreeRoot") else { return Ok(()) };
    let broken = || PadesError::Malformed("structure tree");
    let root = increment.before().get_dictionary(root_id).cloned().map_err(|_| broken())?;
    let top = match root.get(b"K") {
        Ok(Object::Array(all)) => all.first().and_then(|one| one.as_reference().ok()),
        Ok(one) => one.as_reference().ok(),
        Err(_) => None,
    };
    let top = top.ok_or_else(broken)?;
    let first_key = root.get(b"ParentTreeNextKey").and_then(Object::as_i64).map_err(|_| broken())?;
    let (mut elements, mut numbers) = (Vec::new(), Vec::new());
    for (key, tagged) in (first_key..).zip(fields) {
        let content = dictionary! { "Type" => "OBJR", "Obj" => tagged.field, "Pg" => tagged.page };
        let element = increment.add(dictionary! {
            "Type" => "StructElem",
            "S" => "Form",
            "P" => top,
            "Pg" => tagged.page,
            "Alt" => text(&tagged.words),
            "K" => content,
        });
        increment.dictionary(tagged.field)?.set("StructParent", key);
        elements.push(Object::Reference(element));
        numbers.extend([Object::Integer(key), Object::Reference(element)]);
    }
    append(increment.dictionary(top)?, b"K", elements)?;
    let root = increment.dictionary(root_id)?;
    root.set("ParentTreeNextKey", first_key + fields.len() as i64);
    // What the typesetter writes: one list in the tree itself.
    let tree = root.get_mut(b"ParentTree").and_then(Object::as_dict_mut).map_err(|_| broken())?;
    append(tree, b"Nums", numbers)
}

fn append(dictionary: &mut Dictionary, key: &[u8], more: Vec<Object>) -> Result<(), PadesError> {
    match dictionary.get_mut(key) {
        Ok(Object::Array(all)) => {
            all.extend(more);
            Ok(())
        }
        _ => Err(PadesError::Malformed("structure tree")),
    }
}
