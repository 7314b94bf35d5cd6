//! What stands in an attribute's brackets: text first where the attribute takes it, then options, each a word, `word = value` or
//! `word(…)`, and the fields in such an option's brackets. Every attribute parses by this, so that they read alike and fail alike.

use proc_macro2::{Ident, Span, TokenStream};
use quote::{ToTokens, quote, quote_spanned};
use syn::ext::IdentExt;
use syn::parse::{Parse, ParseStream, Parser};
use syn::punctuated::Punctuated;
use syn::spanned::Spanned;
use syn::{Error, Expr, ExprLit, Lit, LitBool, LitStr, Result, Token, UnOp, parenthesized, token};

/// An attribute's options, filled one by one.
pub(crate) trait Options: Default {
    /// The options, for the message that names them.
    const EXPECTED: &'static str;

    /// Takes what stands first and is no option: text.
    fn text(&mut self, text: LitStr) -> Result<()> {
        Err(Error::new(text.span(), Self::EXPECTED))
    }

    /// Takes what follows the word; `false` where the word is no option.
    fn option(&mut self, word: &Ident, input: ParseStream<'_>) -> Result<bool>;

    /// Whether they make sense together.
    fn check(&self) -> Result<()> {
        Ok(())
    }
}

pub(crate) fn parse<O: Options>(arguments: TokenStream) -> Result<O> {
    let take = |input: ParseStream<'_>| {
        let (mut options, mut seen) = (O::default(), Vec::new());
        if input.peek(LitStr) {
            options.text(input.parse()?)?;
            take_comma(input)?;
        }
        while !input.is_empty() {
            let word = Ident::parse_any(input).map_err(|error| Error::new(error.span(), O::EXPECTED))?;
            if seen.contains(&word) {
                return Err(Error::new(word.span(), format!("`{word}` is said twice")));
            }
            if !options.option(&word, input)? {
                return Err(Error::new(word.span(), in_place_of(&word).unwrap_or(O::EXPECTED)));
            }
            seen.push(word);
            take_comma(input)?;
        }
        options.check()?;
        Ok(options)
    };
    take.parse2(arguments)
}

/// What to write instead of words that other libraries have.
fn in_place_of(word: &Ident) -> Option<&'static str> {
    Some(match word.to_string().as_str() {
        "label_extractor" => "labels may use the arguments: write `labels(method = request.method)`",
        "track_duration" => "write `duration = false` to leave the duration out",
        "track_calls" => "write `calls = false` to leave the calls out",
        "track_errors" => "write `errors = false` to leave the errors out",
        "metric_name" | "cache_name" | "resource_name" => "the name stands first, without a word: `(\"…\")`",
        "provider_name" => "write `provider = \"…\"`",
        "skip_all" => "no argument is recorded unless it is asked for: leave `skip_all` out",
        "record" => "write `fields(…)` to record arguments and what they hold",
        _ => return None,
    })
}

fn take_comma(input: ParseStream<'_>) -> Result<()> {
    if !input.is_empty() {
        input.parse::<Token![,]>()?;
    }
    Ok(())
}

/// What follows `word =`.
pub(crate) fn value<T: Parse>(word: &Ident, input: ParseStream<'_>) -> Result<T> {
    if !input.peek(Token![=]) {
        return Err(Error::new(word.span(), format!("`{word}` needs a value: `{word} = …`")));
    }
    input.parse::<Token![=]>()?;
    input.parse()
}

/// `word`, `word = true` or `word = false`.
pub(crate) fn switch(input: ParseStream<'_>) -> Result<bool> {
    if !input.peek(Token![=]) {
        return Ok(true);
    }
    input.parse::<Token![=]>()?;
    let value: LitBool = input.parse().map_err(|error| Error::new(error.span(), "expected `true` or `false`"))?;
    Ok(value.value)
}

/// `word = "text"`.
pub(crate) fn text(word: &Ident, input: ParseStream<'_>) -> Result<LitStr> {
    let value: Expr = value(word, input)?;
    match value {
        Expr::Lit(ExprLit { lit: Lit::Str(text), .. }) => Ok(text),
        other => Err(Error::new_spanned(other, "expected text in quotes")),
    }
}

/// `word(…)`.
pub(crate) fn in_brackets<T: Parse>(word: &Ident, input: ParseStream<'_>) -> Result<T> {
    if !input.peek(token::Paren) {
        return Err(Error::new(word.span(), format!("`{word}` is followed by brackets: `{word}(…)`")));
    }
    let content;
    parenthesized!(content in input);
    content.parse()
}

/// The name of a metric, which has OpenTelemetry's syntax.
pub(crate) fn metric_name(name: LitStr) -> Result<LitStr> {
    let text = name.value();
    let starts_well = text.starts_with(|first: char| first.is_ascii_alphabetic());
    let goes_on_well = text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_.-/".contains(&byte));
    if starts_well && goes_on_well && text.len() <= 255 {
        return Ok(name);
    }
    let allowed = "a metric's name is a letter, then letters, digits, `_`, `.`, `-` and `/`, all ASCII, 255 at most";
    Err(Error::new(name.span(), allowed))
}

/// Keys with values, as `tripod::span!` and `tripod::labels!` have them.
#[derive(Clone, Default)]
pub(crate) struct Fields(pub(crate) Vec<Field>);

#[derive(Clone)]
pub(crate) struct Field {
    pub(crate) key: LitStr,
    form: Form,
    value: Expr,
}

/// How a value is recorded.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Form {
    Value,
    Display,
    Debug,
}

impl Parse for Fields {
    fn parse(input: ParseStream<'_>) -> Result<Self> {
        let fields: Vec<Field> = Punctuated::<Field, Token![,]>::parse_terminated(input)?.into_iter().collect();
        for (at, field) in fields.iter().enumerate() {
            let key = field.key.value();
            if fields[..at].iter().any(|earlier| earlier.key.value() == key) {
                return Err(Error::new(field.key.span(), format!("{key:?} is named twice")));
            }
        }
        Ok(Self(fields))
    }
}

impl Parse for Field {
    fn parse(input: ParseStream<'_>) -> Result<Self> {
        const EXPECTED: &str = "expected `key = value`, `key = %display`, `key = ?debug` or an argument's name";
        let (key, name) = if input.peek(LitStr) {
            (input.parse::<LitStr>()?, None)
        } else {
            let first = Ident::parse_any(input).map_err(|error| Error::new(error.span(), EXPECTED))?;
            let mut key = first.unraw().to_string();
            let mut name = Some(first.clone());
            while input.peek(Token![.]) {
                input.parse::<Token![.]>()?;
                key = format!("{key}.{}", Ident::parse_any(input)?.unraw());
                name = None;
            }
            (LitStr::new(&key, first.span()), name)
        };
        if key.value().is_empty() {
            return Err(Error::new(key.span(), "a key can't be empty"));
        }
        if let (Some(name), true) = (name, input.is_empty() || input.peek(Token![,])) {
            return Ok(Self { key, form: Form::Value, value: Expr::Path(syn::parse_quote!(#name)) });
        }
        if !input.peek(Token![=]) {
            return Err(Error::new(if input.is_empty() { key.span() } else { input.span() }, EXPECTED));
        }
        input.parse::<Token![=]>()?;
        let form = if input.peek(Token![%]) {
            input.parse::<Token![%]>()?;
            Form::Display
        } else if input.peek(Token![?]) {
            input.parse::<Token![?]>()?;
            Form::Debug
        } else {
            Form::Value
        };
        Ok(Self { key, form, value: input.parse()? })
    }
}

impl Fields {
    /// Whether all of it is known when the program is compiled.
    pub(crate) fn is_constant(&self) -> bool {
        self.0.iter().all(|field| field.form == Form::Value && is_literal(&field.value))
    }

    /// Refuses keys that are recorded anyway.
    pub(crate) fn without(&self, taken: &[&str]) -> Result<()> {
        match self.0.iter().find(|field| taken.contains(&field.key.value().as_str())) {
            Some(field) => {
                Err(Error::new(field.key.span(), format!("the label {:?} is set already", field.key.value())))
            }
            None => Ok(()),
        }
    }

    /// The same keys, their values copied by now: one variable for each, and what puts values into it.
    pub(crate) fn held(&self) -> (TokenStream, Self) {
        let (mut variables, mut fields) = (TokenStream::new(), Vec::new());
        for (at, field) in self.0.iter().enumerate() {
            let variable = Ident::new(&format!("label{at}"), Span::mixed_site());
            let value = &field.value;
            let value = match field.form {
                Form::Value => quote_spanned!(value.span()=> ::tripod::ToValue::to_value(&(#value))),
                Form::Display => quote!(::tripod::Value::display(&(#value))),
                Form::Debug => quote!(::tripod::Value::debug(&(#value))),
            };
            variables.extend(quote!(let #variable = ::tripod::__private::Held::of(#value);));
            let value = Expr::Path(syn::parse_quote!(#variable));
            fields.push(Field { key: field.key.clone(), form: Form::Value, value });
        }
        (variables, Self(fields))
    }
}

impl ToTokens for Fields {
    fn to_tokens(&self, tokens: &mut TokenStream) {
        for Field { key, form, value } in &self.0 {
            tokens.extend(match form {
                Form::Value if is_literal(value) => quote!(#key = #value,),
                // Written out here, so that what is no value is pointed at.
                Form::Value => quote_spanned!(value.span()=> #key = ::tripod::ToValue::to_value(&(#value)),),
                Form::Display => quote!(#key = %#value,),
                Form::Debug => quote!(#key = ?#value,),
            });
        }
    }
}

fn is_literal(value: &Expr) -> bool {
    match value {
        Expr::Lit(literal) => matches!(literal.lit, Lit::Str(_) | Lit::Int(_) | Lit::Float(_) | Lit::Bool(_)),
        Expr::Unary(unary) => matches!(unary.op, UnOp::Neg(_)) && is_literal(&unary.expr),
        _ => false,
    }
}
