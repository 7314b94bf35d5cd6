//! A question's way: request, cache, search, model.

use std::collections::HashMap;
use std::sync::Mutex;

use tripod::catalog::error::Errors;
use tripod::catalog::http::Http;
use tripod::catalog::rag::Rag;
use tripod::{ErrorType, traced};

use crate::documents::Documents;
use crate::error_rate::ErrorRate;
use crate::model::{Model, ModelError};

/// What answers.
pub(crate) struct Answers {
    http: Http,
    rag: Rag,
    errors: Errors,
    error_rate: ErrorRate,
    documents: Documents,
    model: Model,
    /// Answers by question and who asks.
    cache: Mutex<HashMap<(String, u32), String>>,
}

impl Default for Answers {
    fn default() -> Self {
        Self {
            http: Http::new(),
            rag: Rag::new("standard"),
            errors: Errors::new("answers"),
            error_rate: ErrorRate::default(),
            documents: Documents::default(),
            model: Model::default(),
            cache: Mutex::default(),
        }
    }
}

impl Answers {
    /// `POST /ask`: the status.
    #[traced("POST /ask", kind = "server")]
    pub(crate) fn ask(&self, question: &str, user: u32) -> u16 {
        let request = self.http.request("POST", "/ask");
        let status = match self.answer(question, user) {
            Ok(_) => 200,
            Err(ModelError::Open) => 503,
            Err(error) => {
                self.errors.error(error.error_type());
                tripod::error!("no answer", error = !error);
                502
            }
        };
        self.error_rate.answered(status != 200);
        request.status(status);
        status
    }

    #[traced]
    fn answer(&self, question: &str, user: u32) -> Result<String, ModelError> {
        let query = self.rag.query();
        let key = (question.to_owned(), user);
        if let Some(answer) = self.cached(&key) {
            query.cache_hit();
            return Ok(answer);
        }
        query.cache_miss();
        let found = self.documents.nearest(question, 3);
        tripod::event!("retrieved", documents = found.len());
        query.retrieved(found.len());
        let answer = self.model.answer(question, &found)?;
        self.cache.lock().expect("no thread panics with it").insert(key, answer.clone());
        Ok(answer)
    }

    /// Answers are forgotten now and then, or all would be cached soon.
    fn cached(&self, key: &(String, u32)) -> Option<String> {
        let mut cache = self.cache.lock().expect("no thread panics with it");
        if fastrand::u8(..) < 16 {
            cache.clear();
        }
        cache.get(key).cloned()
    }
}
