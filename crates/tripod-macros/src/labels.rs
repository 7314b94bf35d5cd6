//! `#[derive(Labels)]` and `#[derive(LabelValue)]`: label sets as structs, label values as enums.
//!
//! What is derived writes the labels into an array on the stack, sorted by key, and borrows everything: it is the code that one would
//! write by hand with `labels!`.

use proc_macro2::{Ident, Span, TokenStream};
use quote::{ToTokens, quote};
use syn::ext::IdentExt;
use syn::{Attribute, Data, DeriveInput, Error, Field, Fields, GenericParam, Generics, Lifetime, LitStr, Result, Type};

/// What `#[label(…)]` says.
#[derive(Default)]
struct Options {
    rename: Option<LitStr>,
    rename_all: Option<Case>,
    skip: bool,
    form: Form,
}

/// How a field becomes a value.
#[derive(Default)]
enum Form {
    #[default]
    Value,
    Display,
    Debug,
}

/// Which words `#[label(…)]` has at this place.
#[derive(Clone, Copy)]
enum Place {
    Field,
    Enum,
    Variant,
}

impl Place {
    fn allowed(self) -> &'static str {
        match self {
            Self::Field => "expected `rename = \"…\"`, `skip`, `display` or `debug`",
            Self::Enum => "expected `rename_all = \"…\"`",
            Self::Variant => "expected `rename = \"…\"`",
        }
    }
}

impl Options {
    fn of(attributes: &[Attribute], place: Place) -> Result<Self> {
        let mut options = Self::default();
        for attribute in attributes.iter().filter(|attribute| attribute.path().is_ident("label")) {
            attribute.parse_nested_meta(|meta| {
                let word = meta.path.get_ident().map(ToString::to_string).unwrap_or_default();
                match (place, word.as_str()) {
                    (Place::Field | Place::Variant, "rename") => options.rename = Some(meta.value()?.parse()?),
                    (Place::Enum, "rename_all") => options.rename_all = Some(Case::parse(&meta.value()?.parse()?)?),
                    (Place::Field, "skip") => options.skip = true,
                    (Place::Field, "display") => options.form = Form::Display,
                    (Place::Field, "debug") => options.form = Form::Debug,
                    _ => return Err(meta.error(place.allowed())),
                }
                Ok(())
            })?;
        }
        Ok(options)
    }
}

/// A field that is a label.
struct Label {
    key: LitStr,
    field: Ident,
    optional: bool,
    form: Form,
}

impl Label {
    fn of(field: &Field) -> Result<Option<Self>> {
        let Options { rename, skip, form, .. } = Options::of(&field.attrs, Place::Field)?;
        let Some(ident) = field.ident.clone().filter(|_| !skip) else { return Ok(None) };
        let key = rename.unwrap_or_else(|| LitStr::new(&ident.unraw().to_string(), ident.span()));
        if key.value().is_empty() {
            return Err(Error::new(key.span(), "a label's key can't be empty"));
        }
        Ok(Some(Self { key, field: ident, optional: is_option(&field.ty), form }))
    }

    fn pair(&self, value: &TokenStream) -> TokenStream {
        let key = &self.key;
        match self.form {
            Form::Value => quote!((#key, ::tripod::ToValue::to_value(#value))),
            Form::Display => quote!((#key, ::tripod::Value::display(#value))),
            Form::Debug => quote!((#key, ::tripod::Value::debug(#value))),
        }
    }
}

/// Whether a type is written as an `Option`, which is all that a macro sees of it.
fn is_option(ty: &Type) -> bool {
    matches!(ty, Type::Path(path) if path.path.segments.last().is_some_and(|last| last.ident == "Option"))
}

pub(crate) fn expand_labels(input: TokenStream) -> Result<TokenStream> {
    let DeriveInput { ident, generics, data, .. } = syn::parse2(input)?;
    let fields = match data {
        Data::Struct(data) => match data.fields {
            Fields::Named(fields) => fields.named,
            Fields::Unnamed(_) | Fields::Unit => {
                return Err(Error::new(ident.span(), "labels are named: a struct with named fields is needed"));
            }
        },
        Data::Enum(_) | Data::Union(_) => {
            return Err(Error::new(
                ident.span(),
                "labels come from a struct with named fields; for an enum as a value, derive `LabelValue`",
            ));
        }
    };
    let mut labels = Vec::new();
    for field in &fields {
        labels.extend(Label::of(field)?);
    }
    // In order, as a series keeps them: then finding it compares each label once.
    labels.sort_by_key(|label| label.key.value());
    if let Some([_, twice]) = labels.array_windows().find(|[a, b]| a.key.value() == b.key.value()) {
        return Err(Error::new(twice.key.span(), format!("two labels have the key {:?}", twice.key.value())));
    }
    let body = body(&labels);
    let keys = labels.iter().map(|label| &label.key);
    let of = with_one_lifetime(&ident, &generics);
    let (impl_generics, type_generics, where_clause) = generics.split_for_impl();
    Ok(quote! {
        #[automatically_derived]
        impl #impl_generics ::tripod::Labels for #ident #type_generics #where_clause {
            type Of<'tripod> = #of;

            const KEYS: &'static [&'static str] = &[#(#keys),*];

            #[inline]
            fn with<R>(&self, then: impl ::core::ops::FnOnce(&[(&str, ::tripod::Value<'_>)]) -> R) -> R {
                #body
            }
        }
    })
}

fn body(labels: &[Label]) -> TokenStream {
    if !labels.iter().any(|label| label.optional) {
        let pairs = labels.iter().map(|label| {
            let field = &label.field;
            label.pair(&quote!(&self.#field))
        });
        return quote!(then(&[#(#pairs),*]));
    }
    let (count, steps) = (
        labels.len(),
        labels.iter().map(|label| {
            let field = &label.field;
            if label.optional {
                let pair = label.pair(&quote!(value));
                quote! {
                    if let ::core::option::Option::Some(value) = &self.#field {
                        labels[len] = #pair;
                        len += 1;
                    }
                }
            } else {
                let pair = label.pair(&quote!(&self.#field));
                quote! {
                    labels[len] = #pair;
                    len += 1;
                }
            }
        }),
    );
    quote! {
        let mut labels = [("", ::tripod::Value::Empty); #count];
        let mut len = 0;
        #(#steps)*
        then(&labels[..len])
    }
}

/// The type with `'tripod` for each of its lifetimes, so that a handle for it takes labels that live however long. With type
/// parameters it stays as it is: whether they live as long is not to be seen here.
fn with_one_lifetime(ident: &Ident, generics: &Generics) -> TokenStream {
    if generics.type_params().next().is_some() {
        return quote!(Self);
    }
    let lifetime = Lifetime::new("'tripod", Span::call_site());
    let arguments = generics.params.iter().map(|parameter| match parameter {
        GenericParam::Const(parameter) => parameter.ident.to_token_stream(),
        _ => lifetime.to_token_stream(),
    });
    quote!(#ident<#(#arguments),*>)
}

/// How a variant's name is written as a value.
#[derive(Clone, Copy)]
enum Case {
    Snake,
    ScreamingSnake,
    Kebab,
    Lower,
    Upper,
    Pascal,
    Camel,
}

impl Case {
    const NAMES: [(&'static str, Self); 7] = [
        ("snake_case", Self::Snake),
        ("SCREAMING_SNAKE_CASE", Self::ScreamingSnake),
        ("kebab-case", Self::Kebab),
        ("lowercase", Self::Lower),
        ("UPPERCASE", Self::Upper),
        ("PascalCase", Self::Pascal),
        ("camelCase", Self::Camel),
    ];

    fn parse(name: &LitStr) -> Result<Self> {
        let known = Self::NAMES.into_iter().find(|(known, _)| *known == name.value());
        known.map(|(_, case)| case).ok_or_else(|| {
            let allowed = Self::NAMES.map(|(name, _)| format!("`{name}`")).join(", ");
            Error::new(name.span(), format!("unknown case: expected one of {allowed}"))
        })
    }

    fn apply(self, name: &str) -> String {
        let joined = |with: &str| words(name).join(with);
        match self {
            Self::Snake => joined("_"),
            Self::ScreamingSnake => joined("_").to_ascii_uppercase(),
            Self::Kebab => joined("-"),
            Self::Lower => name.to_ascii_lowercase(),
            Self::Upper => name.to_ascii_uppercase(),
            Self::Pascal => name.to_owned(),
            Self::Camel => {
                let mut name = name.to_owned();
                if let Some(first) = name.get_mut(..1) {
                    first.make_ascii_lowercase();
                }
                name
            }
        }
    }
}

/// The words of a name in camel case, in lower case: `HTTPGet2` is `http`, `get2`.
fn words(name: &str) -> Vec<String> {
    let mut words: Vec<String> = Vec::new();
    let letters: Vec<char> = name.chars().collect();
    for (at, letter) in letters.iter().enumerate() {
        let before = at.checked_sub(1).map(|before| letters[before]);
        let after_is_lower = letters.get(at + 1).is_some_and(|after| after.is_lowercase());
        let begins = letter.is_uppercase() && before.is_none_or(|before| !before.is_uppercase() || after_is_lower);
        if begins || words.is_empty() {
            words.push(String::new());
        }
        if let Some(word) = words.last_mut() {
            word.extend(letter.to_lowercase());
        }
    }
    words
}

pub(crate) fn expand_value(input: TokenStream) -> Result<TokenStream> {
    let DeriveInput { ident, generics, data, attrs, .. } = syn::parse2(input)?;
    let Data::Enum(data) = data else {
        return Err(Error::new(
            ident.span(),
            "a label's value is derived for an enum; for a struct of labels, derive `Labels`",
        ));
    };
    let case = Options::of(&attrs, Place::Enum)?.rename_all.unwrap_or(Case::Snake);
    let mut arms = Vec::new();
    for variant in &data.variants {
        if !matches!(variant.fields, Fields::Unit) {
            let message = "a label's value has no fields: they would make its values unbounded";
            return Err(Error::new_spanned(&variant.fields, message));
        }
        let options = Options::of(&variant.attrs, Place::Variant)?;
        let name = variant.ident.unraw().to_string();
        let text = options.rename.map_or_else(|| case.apply(&name), |name| name.value());
        let variant = &variant.ident;
        arms.push(quote!(Self::#variant => #text));
    }
    let body = if arms.is_empty() { quote!(match *self {}) } else { quote!(match self { #(#arms),* }) };
    let (impl_generics, type_generics, where_clause) = generics.split_for_impl();
    Ok(quote! {
        #[automatically_derived]
        impl #impl_generics ::tripod::ToValue for #ident #type_generics #where_clause {
            #[inline]
            fn to_value(&self) -> ::tripod::Value<'_> {
                ::tripod::Value::Str(#body)
            }
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_split_into_words_where_a_reader_would() {
        for (name, expected) in [
            ("Get", "get"),
            ("NotFound", "not_found"),
            ("HTTPGet", "http_get"),
            ("Http2", "http2"),
            ("IO", "io"),
            ("X", "x"),
            ("already_so", "already_so"),
        ] {
            assert_eq!(Case::Snake.apply(name), expected);
        }
        let cases = Case::NAMES.map(|(_, case)| case.apply("NotFound"));
        assert_eq!(cases, ["not_found", "NOT_FOUND", "not-found", "notfound", "NOTFOUND", "NotFound", "notFound"]);
    }
}
