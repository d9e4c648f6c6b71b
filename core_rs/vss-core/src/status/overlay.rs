//! Rows that did not come from Asterisk: set by hand, or known from the database before Asterisk has answered.
//!
//! ```text
//!                    set_row                         an AMI fact about the row
//!   what AMI says ─────────────▶ set by hand ────────────────────────────────────▶ what AMI says
//!        │                          │    ▲
//!        │ remove_row    remove_row │    │ set_row
//!        └────────────▶ hidden ◀────┘────┘            hidden ─── a fact ───▶ what AMI says
//! ```
//!
//! The facts go on underneath and do not know of it. Rows from the database all go when the first resync has shown what
//! Asterisk has; rows set by hand that Asterisk knows nothing of stay until they are removed.

use std::collections::BTreeMap;

use super::error::StatusError;
use super::facts::Table;
use super::mark::Mark;

/// Where a row that is not Asterisk's comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Origin {
    /// Set by a person or another program.
    Manual,
    /// Configured, or last known, in the database.
    Database,
}

impl Origin {
    /// The origin of this name.
    ///
    /// # Errors
    /// [`StatusError::UnknownOrigin`].
    pub fn named(name: &str) -> Result<Self, StatusError> {
        match name {
            "manual" => Ok(Self::Manual),
            "database" => Ok(Self::Database),
            other => Err(StatusError::UnknownOrigin(other.to_owned())),
        }
    }
}

/// A row by hand, and what it is found by.
#[derive(Clone, Debug)]
pub struct RowByHand<'a> {
    /// The object as JSON, without `seq` and `as_of`.
    pub json: &'a [u8],
    /// Where it comes from.
    pub origin: Origin,
    /// What the filter `state` compares with.
    pub state: &'a str,
    /// The queues it belongs to.
    pub queues: Vec<String>,
    /// An operator's extension.
    pub extension: &'a str,
    /// A channel's name.
    pub name: &'a str,
}

/// A row that lies over the facts.
#[derive(Clone, Debug)]
pub(super) struct Overlaid {
    pub mark: Mark,
    pub origin: Origin,
    pub state: String,
    pub queues: Vec<String>,
    pub extension: String,
    pub name: String,
}

#[derive(Clone, Debug)]
enum Layer {
    Row(Box<Overlaid>),
    Hidden,
}

/// What lies over the facts, by table and id.
#[derive(Clone, Debug, Default)]
pub(super) struct Overlay {
    layers: [BTreeMap<Box<str>, Layer>; Table::COUNT],
}

impl Overlay {
    /// Nothing lies there: the usual case.
    pub fn is_empty(&self) -> bool {
        self.layers.iter().all(BTreeMap::is_empty)
    }

    pub fn put(&mut self, table: Table, id: &str, row: Overlaid) {
        self.layers[table.place()].insert(id.into(), Layer::Row(Box::new(row)));
    }

    pub fn hide(&mut self, table: Table, id: &str) {
        self.layers[table.place()].insert(id.into(), Layer::Hidden);
    }

    /// Take away what lies over a row; true when something did.
    pub fn lift(&mut self, table: Table, id: &str) -> bool {
        self.layers[table.place()].remove(id).is_some()
    }

    /// The row over an id.
    pub fn row(&self, table: Table, id: &str) -> Option<&Overlaid> {
        match self.layers[table.place()].get(id) {
            Some(Layer::Row(row)) => Some(row),
            Some(Layer::Hidden) | None => None,
        }
    }

    /// Whether the facts' own row is not what is shown.
    pub fn covers(&self, table: Table, id: &str) -> bool {
        self.layers[table.place()].contains_key(id)
    }

    /// The rows of a table in order of id.
    pub fn rows(&self, table: Table) -> impl Iterator<Item = (&str, &Overlaid)> {
        self.layers[table.place()]
            .iter()
            .filter_map(|(id, layer)| match layer {
                Layer::Row(row) => Some((&**id, &**row)),
                Layer::Hidden => None,
            })
    }

    /// How many rows are set by hand.
    pub fn by_hand(&self) -> usize {
        let layers = self.layers.iter().flat_map(BTreeMap::values);
        layers
            .filter(|layer| matches!(layer, Layer::Row(row) if row.origin == Origin::Manual))
            .count()
    }

    /// Every id something lies over.
    pub fn covered(&self, table: Table) -> Vec<String> {
        self.layers[table.place()]
            .keys()
            .map(ToString::to_string)
            .collect()
    }

    /// Take away every row from the database; their ids.
    pub fn lift_database(&mut self, table: Table) -> Vec<String> {
        let from_database =
            |layer: &Layer| matches!(layer, Layer::Row(row) if row.origin == Origin::Database);
        let layers = &mut self.layers[table.place()];
        let ids: Vec<Box<str>> = layers
            .iter()
            .filter(|(_, layer)| from_database(layer))
            .map(|(id, _)| id.clone())
            .collect();
        ids.into_iter()
            .filter(|id| layers.remove(id).is_some())
            .map(Into::into)
            .collect()
    }
}
