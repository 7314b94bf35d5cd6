//! Embeddings: a text as the words it has. Texts that share words are near each other, which suffices here.

use std::collections::HashMap;
use std::hash::BuildHasher;
use std::sync::Mutex;

use foldhash::fast::FixedState;
use tripod::catalog::embedding::Embedding;
use tripod::{cache_metrics, traced};

const DIMENSIONS: usize = 256;

/// Embeddings that are remembered at a time: fewer than there are questions.
const REMEMBERED: usize = 4;

/// A text's place.
#[derive(Clone)]
pub(crate) struct Vector([f32; DIMENSIONS]);

impl Vector {
    /// From 0 for nothing in common to 1 for the same.
    pub(crate) fn likeness(&self, other: &Self) -> f32 {
        self.0.iter().zip(&other.0).map(|(a, b)| a * b).sum()
    }
}

/// Makes embeddings, and remembers those it has made.
pub(crate) struct Embedder {
    model: Embedding,
    known: Mutex<HashMap<String, Vector>>,
}

impl Default for Embedder {
    fn default() -> Self {
        Self { model: Embedding::new("local", "bag-of-words"), known: Mutex::default() }
    }
}

impl Embedder {
    #[traced(fields(length = text.len()))]
    pub(crate) fn embed(&self, text: &str) -> Vector {
        if let Some(vector) = self.cached(text) {
            return vector;
        }
        let generation = self.model.generation();
        let vector = embed(text);
        generation.generated(1);
        let mut known = self.known.lock().expect("no thread panics with it");
        if known.len() >= REMEMBERED {
            known.clear();
        }
        known.insert(text.to_owned(), vector.clone());
        vector
    }

    #[cache_metrics("embedding_cache")]
    fn cached(&self, text: &str) -> Option<Vector> {
        self.known.lock().expect("no thread panics with it").get(text).cloned()
    }
}

fn embed(text: &str) -> Vector {
    let mut vector = [0.0; DIMENSIONS];
    for word in text.to_lowercase().split(|letter: char| !letter.is_alphanumeric()).filter(|word| word.len() > 3) {
        let stem = &word[..word.len().min(5)];
        vector[FixedState::with_seed(0).hash_one(stem) as usize % DIMENSIONS] += 1.0;
    }
    let length = vector.iter().map(|part: &f32| part * part).sum::<f32>().sqrt().max(1.0);
    Vector(vector.map(|part| part / length))
}
