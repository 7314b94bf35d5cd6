//! Who emitted a row: its resource and scope, each pair of them kept once.
//!
//! A request has few contexts and interns each once, so a row's is a number. Two contexts are the same when their bytes are. Senders
//! say the same again with each request, so what was decoded for one is there for the next, see [`KnownContexts`].

use std::borrow::Borrow;
use std::collections::{HashMap, HashSet};
use std::hash::{Hash, Hasher};
use std::sync::{Arc, Mutex, PoisonError};

use foldhash::fast::RandomState;
use tripod_wire::WireError;
use tripod_wire::otlp::{InstrumentationScope, Resource};
use tripod_wire::proto::Message;

use crate::columns::{Malformed, Strings, strings};

/// A resource and a scope.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Context {
    /// `service.name`, or `unknown_service`.
    pub(crate) service: String,
    /// The resource, decoded.
    pub(crate) resource: Arc<Resource>,
    /// The scope, decoded.
    pub(crate) scope: Arc<InstrumentationScope>,
    /// The schema of the resource.
    pub(crate) resource_schema_url: String,
    /// The schema of the rows.
    pub(crate) scope_schema_url: String,
    /// Both messages and both URLs as they came, each with its length in front: what makes two contexts the same.
    identity: Box<[u8]>,
    /// Bytes of both messages.
    lens: [usize; 2],
}

impl Context {
    fn decode(identity: &[u8], fields: Fields<'_>) -> Result<Self, WireError> {
        let resource = Resource::decode(fields.resource)?;
        Ok(Self {
            service: resource.service_name().to_owned(),
            resource: Arc::new(resource),
            scope: Arc::new(InstrumentationScope::decode(fields.scope)?),
            resource_schema_url: fields.resource_schema_url.to_owned(),
            scope_schema_url: fields.scope_schema_url.to_owned(),
            identity: identity.into(),
            lens: [fields.resource.len(), fields.scope.len()],
        })
    }

    /// Resource and scope as they came.
    fn encoded(&self) -> [&[u8]; 2] {
        let (resource, rest) = self.identity[LEN..].split_at(self.lens[0]);
        [resource, &rest[LEN..][..self.lens[1]]]
    }
}

/// What a request says of a context.
#[derive(Debug, Clone, Copy)]
struct Fields<'a> {
    resource: &'a [u8],
    scope: &'a [u8],
    resource_schema_url: &'a str,
    scope_schema_url: &'a str,
}

/// Bytes of a length.
const LEN: usize = size_of::<u32>();

impl Fields<'_> {
    fn identity(self) -> Vec<u8> {
        let fields = [self.resource, self.scope, self.resource_schema_url.as_bytes(), self.scope_schema_url.as_bytes()];
        let mut identity = Vec::with_capacity(fields.iter().map(|field| field.len() + LEN).sum());
        for field in fields {
            identity.extend_from_slice(&(field.len() as u32).to_le_bytes());
            identity.extend_from_slice(field);
        }
        identity
    }
}

/// A context, found by its identity.
#[derive(Debug, Clone)]
struct Known(Arc<Context>);

impl Borrow<[u8]> for Known {
    fn borrow(&self) -> &[u8] {
        &self.0.identity
    }
}

impl Hash for Known {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.0.identity.hash(state);
    }
}

impl PartialEq for Known {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0) || self.0.identity == other.0.identity
    }
}

impl Eq for Known {}

/// Contexts that requests had, so that the next request with one of them has it without decoding it.
#[derive(Debug, Default)]
pub(crate) struct KnownContexts(Mutex<HashSet<Known, RandomState>>);

/// So many contexts are kept; then it begins anew.
const MAX_KNOWN: usize = 1024;

/// Larger ones are decoded each time, so that all that are kept take little.
const MAX_IDENTITY: usize = 4096;

impl KnownContexts {
    fn get(&self, identity: &[u8], fields: Fields<'_>) -> Result<Arc<Context>, WireError> {
        let known = || self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = known().get(identity) {
            return Ok(Arc::clone(&known.0));
        }
        let context = Arc::new(Context::decode(identity, fields)?);
        if identity.len() <= MAX_IDENTITY {
            let mut known = known();
            if known.len() >= MAX_KNOWN {
                known.clear();
            }
            known.insert(Known(Arc::clone(&context)));
        }
        Ok(context)
    }
}

/// Contexts, numbered from 0 on in the order they came.
#[derive(Debug, Clone, Default)]
pub(crate) struct Contexts {
    list: Vec<Arc<Context>>,
    numbers: HashMap<Known, u32, RandomState>,
    memory: usize,
}

impl Contexts {
    /// The number of a context given as protobuf: `Resource`, `InstrumentationScope`, and the URLs beside them.
    ///
    /// # Errors
    /// When the bytes are not these messages.
    pub(crate) fn intern(
        &mut self,
        known: &KnownContexts,
        resource: &[u8],
        scope: &[u8],
        resource_schema_url: &str,
        scope_schema_url: &str,
    ) -> Result<u32, WireError> {
        let fields = Fields { resource, scope, resource_schema_url, scope_schema_url };
        let identity = fields.identity();
        match self.numbers.get(identity.as_slice()) {
            Some(number) => Ok(*number),
            None => known.get(&identity, fields).map(|context| self.add(context)),
        }
    }

    /// The number of a context that has been decoded before; it is shared, not copied.
    pub(crate) fn intern_context(&mut self, context: &Arc<Context>) -> u32 {
        match self.numbers.get(&*context.identity) {
            Some(number) => *number,
            None => self.add(Arc::clone(context)),
        }
    }

    fn add(&mut self, context: Arc<Context>) -> u32 {
        let number = self.list.len() as u32;
        // As it came, as it was decoded (some four times that), and what is around it.
        self.memory += 5 * context.identity.len() + 512;
        self.list.push(Arc::clone(&context));
        self.numbers.insert(Known(context), number);
        number
    }

    /// The context of this number; must be below [`Self::len`].
    pub(crate) fn get(&self, number: u32) -> &Arc<Context> {
        &self.list[number as usize]
    }

    /// All contexts, in order.
    pub(crate) fn iter(&self) -> impl ExactSizeIterator<Item = &Arc<Context>> {
        self.list.iter()
    }

    /// How many there are.
    pub(crate) fn len(&self) -> usize {
        self.list.len()
    }

    /// Bytes in memory, roughly.
    pub(crate) fn memory(&self) -> usize {
        self.memory
    }

    /// Appends all contexts, so that [`Self::decode`] gives them the same numbers.
    pub(crate) fn encode(&self, out: &mut Vec<u8>) {
        let mut fields = Strings::default();
        for context in &self.list {
            context.encoded().into_iter().for_each(|encoded| fields.push(encoded));
            fields.push(context.resource_schema_url.as_bytes());
            fields.push(context.scope_schema_url.as_bytes());
        }
        strings::encode(&fields, out);
    }

    /// Decodes `count` contexts.
    pub(crate) fn decode(bytes: &[u8], count: usize) -> Result<Self, Malformed> {
        let fields = strings::decode(bytes, count.saturating_mul(4))?;
        let text = |at| std::str::from_utf8(fields.get(at)).map_err(|_| Malformed("a schema's URL is not UTF-8"));
        let (mut contexts, none) = (Self::default(), KnownContexts::default());
        for at in (0..fields.len()).step_by(4) {
            let number = contexts
                .intern(&none, fields.get(at), fields.get(at + 1), text(at + 2)?, text(at + 3)?)
                .map_err(|_| Malformed("a context is no resource and scope"))?;
            if number as usize != at / 4 {
                return Err(Malformed("a context is there twice"));
            }
        }
        Ok(contexts)
    }
}

#[cfg(test)]
mod tests {
    use tripod_wire::otlp::KeyValue;

    use super::*;

    fn resource(service: &str) -> Vec<u8> {
        let attributes = vec![KeyValue::new("service.name", service), KeyValue::new("host.name", "a")];
        Resource { attributes, dropped_attributes_count: 0 }.encode_to_vec()
    }

    #[test]
    fn equal_contexts_have_one_number_and_others_their_own() {
        let (mut contexts, known) = (Contexts::default(), KnownContexts::default());
        let scope = InstrumentationScope { name: "http".into(), ..Default::default() }.encode_to_vec();
        let shop = contexts.intern(&known, &resource("shop"), &scope, "", "").unwrap();
        let cart = contexts.intern(&known, &resource("cart"), &scope, "", "").unwrap();
        assert_eq!((shop, cart), (0, 1));
        assert_eq!(contexts.intern(&known, &resource("shop"), &scope, "", "").unwrap(), shop);
        // What stands in one field is not taken for the next one's.
        assert_eq!(contexts.intern(&known, &resource("shop"), &scope, "u", "").unwrap(), 2);
        assert_eq!(contexts.intern(&known, &resource("shop"), &scope, "", "u").unwrap(), 3);
        assert_eq!(contexts.get(cart).service, "cart");
        assert_eq!(contexts.get(shop).scope.name, "http");
    }

    #[test]
    fn contexts_come_back_with_their_numbers() {
        let (mut contexts, known) = (Contexts::default(), KnownContexts::default());
        for at in 0..100 {
            contexts.intern(&known, &resource(&format!("service-{}", at % 50)), &[], "https://schema", "").unwrap();
        }
        let mut bytes = Vec::new();
        contexts.encode(&mut bytes);
        let decoded = Contexts::decode(&bytes, contexts.len()).unwrap();
        assert!(decoded.iter().eq(contexts.iter()));
        assert_eq!(decoded.len(), 50);
    }

    #[test]
    fn bytes_that_are_no_resource_are_refused() {
        let known = KnownContexts::default();
        for _ in 0..2 {
            assert!(Contexts::default().intern(&known, b"\x0a\xff", &[], "", "").is_err());
            assert!(Contexts::default().intern(&known, &[], b"\x0a\x01\xff", "", "").is_err());
        }
    }

    #[test]
    fn requests_share_what_was_decoded_and_no_more_is_kept_than_may_be() {
        let known = KnownContexts::default();
        let get = |service: &str| {
            let mut contexts = Contexts::default();
            contexts.intern(&known, &resource(service), &[], "", "").unwrap();
            Arc::clone(contexts.get(0))
        };
        let first = get("shop");
        assert!(Arc::ptr_eq(&first, &get("shop")));
        (0..2 * MAX_KNOWN).for_each(|at| drop(get(&format!("service-{at}"))));
        assert_eq!(get("shop"), first);
        assert!(known.0.lock().unwrap().len() <= MAX_KNOWN);
        let large = "x".repeat(MAX_IDENTITY);
        assert!(!Arc::ptr_eq(&get(&large), &get(&large)));
    }
}
