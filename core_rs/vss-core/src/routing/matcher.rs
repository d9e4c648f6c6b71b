//! The table of a topic exchange.

use super::Target;
use super::direct::DirectTable;
use super::error::RoutingError;
use super::key::RoutingKey;
use super::pattern::Pattern;
use super::sieve::Sieve;
use super::trie::{Standing, Trie};

/// All bindings of a topic exchange. Patterns without wildcards stand in a table by whole key, the others in a trie;
/// both behind one sieve.
#[derive(Clone, Debug, Default)]
pub struct TopicMatcher {
    exact: DirectTable,
    trie: Trie,
    sieve: Sieve,
    /// Bindings in the trie.
    wild: usize,
}

/// The answer to a key and what it took to find it, kept from key to key so that nothing is allocated. One buffer may
/// serve any number of matchers.
#[derive(Clone, Debug, Default)]
pub struct Matches {
    targets: Vec<Target>,
    standing: Standing,
}

impl Matches {
    /// The targets of the last key, each once, ascending.
    pub fn targets(&self) -> &[Target] {
        &self.targets
    }
}

impl TopicMatcher {
    /// Bind `target` under `pattern`. False when it was bound so already.
    ///
    /// # Errors
    ///
    /// The pattern is too long.
    pub fn add(&mut self, pattern: &str, target: Target) -> Result<bool, RoutingError> {
        let pattern = Pattern::new(pattern)?;
        let is_exact = pattern.is_exact();
        let added = if is_exact {
            self.exact.add(pattern.as_str(), target)
        } else {
            self.trie.add(pattern, target)
        };
        if added {
            self.sieve.add(pattern);
            self.wild += usize::from(!is_exact);
        }
        Ok(added)
    }

    /// Take a binding away. False when there was none such; a pattern that is too long never was.
    pub fn remove(&mut self, pattern: &str, target: Target) -> bool {
        let Ok(pattern) = Pattern::new(pattern) else {
            return false;
        };
        let is_exact = pattern.is_exact();
        let removed = if is_exact {
            self.exact.remove(pattern.as_str(), target)
        } else {
            self.trie.remove(pattern, target)
        };
        if removed {
            self.sieve.remove(pattern);
            self.wild -= usize::from(!is_exact);
        }
        removed
    }

    /// The targets whose patterns match `key`, each once, ascending.
    ///
    /// Takes at most the key's words (128 in 255 bytes) times [`nodes`](Self::nodes) steps: microseconds for patterns
    /// as people write them, seconds for thousands of patterns of dozens of `#` and `*` each. Whoever lets strangers
    /// bind limits what they may bind.
    ///
    /// # Errors
    ///
    /// The key is too long.
    pub fn find<'m>(&self, key: &str, matches: &'m mut Matches) -> Result<&'m [Target], RoutingError> {
        matches.targets.clear();
        let key = RoutingKey::new(key)?;
        if !self.sieve.lets_through(key.as_str()) {
            return Ok(&matches.targets);
        }
        if self.wild > 0 {
            self.trie
                .find(key.words(), &mut matches.standing, &mut matches.targets);
        }
        matches.targets.extend_from_slice(self.exact.find(key.as_str()));
        if matches.targets.len() > 1 {
            matches.targets.sort_unstable();
            matches.targets.dedup();
        }
        Ok(&matches.targets)
    }

    /// How many bindings there are.
    pub fn len(&self) -> usize {
        self.exact.len() + self.wild
    }

    /// Whether nothing is bound.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Nodes of the trie: what it holds in memory besides the bindings themselves.
    pub fn nodes(&self) -> usize {
        self.trie.nodes()
    }
}
