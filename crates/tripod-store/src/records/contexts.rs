//! Who emitted a row: its resource and scope, each pair of them kept once.
//!
//! A request has few contexts and interns each once, so a row's is a number. Two contexts are the same when their bytes are.

use std::collections::HashMap;
use std::sync::Arc;

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
    /// Both messages and both URLs as they came.
    encoded: [Box<[u8]>; 2],
}

impl Context {
    fn identity(&self) -> Identity {
        identity(&self.encoded[0], &self.encoded[1], &self.resource_schema_url, &self.scope_schema_url)
    }
}

/// What makes two contexts the same: all bytes, each with its length.
type Identity = Box<[u8]>;

fn identity(resource: &[u8], scope: &[u8], resource_schema_url: &str, scope_schema_url: &str) -> Identity {
    let fields = [resource, scope, resource_schema_url.as_bytes(), scope_schema_url.as_bytes()];
    let mut identity = Vec::with_capacity(fields.iter().map(|field| field.len() + 4).sum());
    for field in fields {
        identity.extend_from_slice(&(field.len() as u32).to_le_bytes());
        identity.extend_from_slice(field);
    }
    identity.into()
}

/// Contexts, numbered from 0 on in the order they came.
#[derive(Debug, Clone, Default)]
pub(crate) struct Contexts {
    list: Vec<Arc<Context>>,
    numbers: HashMap<Identity, u32, foldhash::fast::RandomState>,
    memory: usize,
}

impl Contexts {
    /// The number of a context given as protobuf: `Resource`, `InstrumentationScope`, and the URLs beside them.
    ///
    /// # Errors
    /// When the bytes are not these messages.
    pub(crate) fn intern(
        &mut self,
        resource: &[u8],
        scope: &[u8],
        resource_schema_url: &str,
        scope_schema_url: &str,
    ) -> Result<u32, WireError> {
        let identity = identity(resource, scope, resource_schema_url, scope_schema_url);
        if let Some(number) = self.numbers.get(&identity) {
            return Ok(*number);
        }
        let decoded = Resource::decode(resource)?;
        let context = Context {
            service: decoded.service_name().to_owned(),
            resource: Arc::new(decoded),
            scope: Arc::new(InstrumentationScope::decode(scope)?),
            resource_schema_url: resource_schema_url.to_owned(),
            scope_schema_url: scope_schema_url.to_owned(),
            encoded: [resource.into(), scope.into()],
        };
        Ok(self.add(identity, Arc::new(context)))
    }

    /// The number of a context that has been decoded before; it is shared, not copied.
    pub(crate) fn intern_context(&mut self, context: &Arc<Context>) -> u32 {
        let identity = context.identity();
        match self.numbers.get(&identity) {
            Some(number) => *number,
            None => self.add(identity, Arc::clone(context)),
        }
    }

    fn add(&mut self, identity: Identity, context: Arc<Context>) -> u32 {
        let number = self.list.len() as u32;
        // As it came, as it was decoded (some four times that), and what is around it.
        self.memory += 6 * identity.len() + 512;
        self.list.push(context);
        self.numbers.insert(identity, number);
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
            fields.push(&context.encoded[0]);
            fields.push(&context.encoded[1]);
            fields.push(context.resource_schema_url.as_bytes());
            fields.push(context.scope_schema_url.as_bytes());
        }
        strings::encode(&fields, out);
    }

    /// Decodes `count` contexts.
    pub(crate) fn decode(bytes: &[u8], count: usize) -> Result<Self, Malformed> {
        let fields = strings::decode(bytes, count.saturating_mul(4))?;
        let text = |at| std::str::from_utf8(fields.get(at)).map_err(|_| Malformed("a schema's URL is not UTF-8"));
        let mut contexts = Self::default();
        for at in (0..fields.len()).step_by(4) {
            let number = contexts
                .intern(fields.get(at), fields.get(at + 1), text(at + 2)?, text(at + 3)?)
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
        let mut contexts = Contexts::default();
        let scope = InstrumentationScope { name: "http".into(), ..Default::default() }.encode_to_vec();
        let shop = contexts.intern(&resource("shop"), &scope, "", "").unwrap();
        let cart = contexts.intern(&resource("cart"), &scope, "", "").unwrap();
        assert_eq!((shop, cart), (0, 1));
        assert_eq!(contexts.intern(&resource("shop"), &scope, "", "").unwrap(), shop);
        // What stands in one field is not taken for the next one's.
        assert_eq!(contexts.intern(&resource("shop"), &scope, "u", "").unwrap(), 2);
        assert_eq!(contexts.intern(&resource("shop"), &scope, "", "u").unwrap(), 3);
        assert_eq!(contexts.get(cart).service, "cart");
        assert_eq!(contexts.get(shop).scope.name, "http");
    }

    #[test]
    fn contexts_come_back_with_their_numbers() {
        let mut contexts = Contexts::default();
        for at in 0..100 {
            contexts.intern(&resource(&format!("service-{}", at % 50)), &[], "https://schema", "").unwrap();
        }
        let mut bytes = Vec::new();
        contexts.encode(&mut bytes);
        let decoded = Contexts::decode(&bytes, contexts.len()).unwrap();
        assert!(decoded.iter().eq(contexts.iter()));
        assert_eq!(decoded.len(), 50);
    }

    #[test]
    fn bytes_that_are_no_resource_are_refused() {
        assert!(Contexts::default().intern(b"\x0a\xff", &[], "", "").is_err());
        assert!(Contexts::default().intern(&[], b"\x0a\x01\xff", "", "").is_err());
    }
}
