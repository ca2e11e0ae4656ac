//! The event records of a log file: the raw text of each element of `Records`, split by structure only.
//!
//! A log file is one JSON document, `{"Records":[…]}`. If it were parsed as one, a single bad byte would cost thousands of
//! good records. So elements are told apart by strings and brackets alone: what is wrong inside an element is found later, and
//! costs that element. Only when the brackets themselves do not come out even is the whole file put aside.

use super::{Unreadable, json};

const BOM: &[u8] = b"\xef\xbb\xbf";

/// Hands each element of `Records` to `each`, in order: raw text, no white space around it, perhaps empty (`[1,,2]` has three).
///
/// `Records` is found wherever it stands at the top level; other top-level values are passed over. Whether the document
/// is whole shows at its end only, so what `each` did must be undone when an error comes back.
///
/// # Errors
/// `not_json`, `no_records`, `repeated_records`, or what `each` returned.
pub fn records<'a>(content: &'a [u8], mut each: impl FnMut(&'a [u8]) -> Result<(), Unreadable>) -> Result<(), Unreadable> {
    elements(content, |element| each(element.raw()?))
}

/// [`records`], with elements that are not told apart yet: `each` has to do it, by [`Element::raw`] or, if it can do better, by
/// [`Element::pass`].
///
/// # Errors
/// Those of [`records`].
pub fn elements<'a>(
    content: &'a [u8],
    mut each: impl FnMut(Element<'_, 'a>) -> Result<(), Unreadable>,
) -> Result<(), Unreadable> {
    let mut walk = Walk { bytes: content, at: if content.starts_with(BOM) { BOM.len() } else { 0 } };
    walk.white();
    if walk.peek() != Some(b'{') {
        return Err(walk.not_an_object());
    }
    walk.at += 1;
    walk.white();
    let (mut seen, mut arrays) = (0u32, 0u32);
    if walk.peek() == Some(b'}') {
        walk.at += 1;
    } else {
        loop {
            if walk.is_records_key()? {
                seen = seen.saturating_add(1);
                if seen == 1 && walk.peek() == Some(b'[') {
                    arrays = 1;
                    walk.elements(&mut each)?;
                } else {
                    walk.other()?;
                }
            } else {
                walk.other()?;
            }
            walk.white();
            match walk.peek() {
                Some(b',') => walk.at += 1,
                Some(b'}') => break,
                _ => return Err(walk.fault("expected a comma or the end of the document")),
            }
            walk.white();
        }
        walk.at += 1;
    }
    walk.end()?;
    match (seen, arrays) {
        (0, _) => Err(Unreadable::NoRecords("the document has no Records")),
        (1, 0) => Err(Unreadable::NoRecords("Records is not an array")),
        (1, _) => Ok(()),
        _ => Err(Unreadable::RepeatedRecords),
    }
}

/// An element of `Records` whose end is not known yet.
pub struct Element<'w, 'a> {
    walk: &'w mut Walk<'a>,
}

impl<'a> Element<'_, 'a> {
    /// The document from the element's first byte on.
    pub fn rest(&self) -> &'a [u8] {
        &self.walk.bytes[self.walk.at..]
    }

    /// True when an element of `len` bytes is followed by what must follow one; then it has been passed. `len` is the length of a JSON
    /// value at the beginning of [`Element::rest`], whose brackets are thus in order: telling it apart by them would end there too.
    pub fn pass(&mut self, len: usize) -> bool {
        let before = self.walk.at;
        self.walk.at += len;
        self.walk.white();
        let passed = matches!(self.walk.peek(), Some(b',' | b']'));
        if !passed {
            self.walk.at = before;
        }
        passed
    }

    /// The raw text of the element, told apart by its brackets; without white space around it.
    ///
    /// # Errors
    /// When the document ends first.
    pub fn raw(self) -> Result<&'a [u8], Unreadable> {
        self.walk.span()
    }
}

struct Walk<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Walk<'a> {
    fn peek(&self) -> Option<u8> {
        self.bytes.get(self.at).copied()
    }

    fn fault(&self, what: &'static str) -> Unreadable {
        let what = if self.at >= self.bytes.len() { "the document is cut" } else { what };
        Unreadable::NotJson { what, at: self.at }
    }

    fn white(&mut self) {
        while let Some(b' ' | b'\n' | b'\r' | b'\t') = self.peek() {
            self.at += 1;
        }
    }

    fn end(&mut self) -> Result<(), Unreadable> {
        self.white();
        if self.at == self.bytes.len() { Ok(()) } else { Err(self.fault("something after the document")) }
    }

    /// Why a document that does not begin with `{` has no records: it may be JSON all the same.
    fn not_an_object(&self) -> Unreadable {
        match std::str::from_utf8(&self.bytes[self.at..]).map(json::check) {
            Ok(Ok(())) => Unreadable::NoRecords("the document is not an object"),
            Ok(Err(error)) => Unreadable::NotJson { what: error.what, at: self.at + error.at },
            Err(_) => self.fault("expected an object"),
        }
    }

    /// Passes a key and its colon; true when it says `Records`, however it is escaped.
    fn is_records_key(&mut self) -> Result<bool, Unreadable> {
        if self.peek() != Some(b'"') {
            return Err(self.fault("expected a key"));
        }
        let start = self.at + 1;
        self.string()?;
        let key = &self.bytes[start..self.at - 1];
        self.white();
        if self.peek() != Some(b':') {
            return Err(self.fault("expected a colon"));
        }
        self.at += 1;
        self.white();
        Ok(std::str::from_utf8(key).is_ok_and(|key| json::unescape(key) == "Records"))
    }

    fn elements(&mut self, each: &mut impl FnMut(Element<'_, 'a>) -> Result<(), Unreadable>) -> Result<(), Unreadable> {
        self.at += 1;
        self.white();
        if self.peek() == Some(b']') {
            self.at += 1;
            return Ok(());
        }
        loop {
            each(Element { walk: self })?;
            match self.peek() {
                Some(b',') => self.at += 1,
                Some(b']') => break,
                _ => return Err(self.fault("brackets that do not match")),
            }
            self.white();
        }
        self.at += 1;
        Ok(())
    }

    /// Passes a value that is not looked at further, but whose grammar must be right, or else the document is none.
    fn other(&mut self) -> Result<(), Unreadable> {
        let at = self.at;
        let span = self.span()?;
        match std::str::from_utf8(span).map(json::check) {
            Ok(Err(error)) if error.fault == json::Fault::Grammar => {
                Err(Unreadable::NotJson { what: error.what, at: at + error.at })
            }
            _ => Ok(()),
        }
    }

    /// Passes everything up to the comma or closing bracket that ends the value at `at`.
    fn span(&mut self) -> Result<&'a [u8], Unreadable> {
        let start = self.at;
        let mut depth = 0usize;
        loop {
            match self.peek() {
                Some(b'"') => {
                    self.string()?;
                    continue;
                }
                Some(b'{' | b'[') => depth += 1,
                Some(b'}' | b']' | b',') if depth == 0 => break,
                Some(b'}' | b']') => depth -= 1,
                Some(_) => {}
                None => return Err(self.fault("")),
            }
            self.at += 1;
        }
        let span = &self.bytes[start..self.at];
        let end = span.iter().rposition(|b| !matches!(b, b' ' | b'\n' | b'\r' | b'\t')).map_or(0, |last| last + 1);
        Ok(&span[..end])
    }

    /// Passes a string, whatever is in it; `at` is on its opening quote.
    fn string(&mut self) -> Result<(), Unreadable> {
        self.at += 1;
        loop {
            self.at = json::special::<false>(self.bytes, self.at);
            match self.peek() {
                Some(b'"') => break,
                Some(_) => self.at = (self.at + 2).min(self.bytes.len()),
                None => return Err(self.fault("")),
            }
        }
        self.at += 1;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn read(content: &[u8]) -> Result<Vec<&[u8]>, &'static str> {
        let mut all = Vec::new();
        records(content, |element| {
            all.push(element);
            Ok(())
        })
        .map_err(|why| why.reason())?;
        Ok(all)
    }

    fn check(content: &str, expect: Result<&[&str], &str>) {
        let got = read(content.as_bytes()).map(|all| all.iter().map(|e| std::str::from_utf8(e).unwrap()).collect::<Vec<_>>());
        assert_eq!(got.as_deref(), expect.as_ref().copied(), "{content}");
    }

    #[test]
    fn records_are_found_wherever_they_stand() {
        check(r#"{"Records":[]}"#, Ok(&[]));
        check(" {\"Records\" : [ ] }\n", Ok(&[]));
        check("\u{feff}{\"Records\":[1]}", Ok(&["1"]));
        check(r#"{"Records":[{"a":1},{"b":[2,"]},{"]}]}"#, Ok(&[r#"{"a":1}"#, r#"{"b":[2,"]},{"]}"#]));
        check("{\"Records\":[ {\"a\": 1} ,\n null\t]}", Ok(&["{\"a\": 1}", "null"]));
        check(r#"{"a":{"Records":[9]},"b":[1,{}],"Records":[1],"c":"]}"}"#, Ok(&["1"]));
        check(r#"{"Rec\u006frds":[1]}"#, Ok(&["1"]));
        check(r#"{"Records":["a\"b","\\"]}"#, Ok(&[r#""a\"b""#, r#""\\""#]));
    }

    #[test]
    fn what_is_wrong_inside_an_element_costs_that_element_only() {
        check(r#"{"Records":[{"a"},tru,{"b":1}]}"#, Ok(&[r#"{"a"}"#, "tru", r#"{"b":1}"#]));
        check(r#"{"Records":[1,,2,]}"#, Ok(&["1", "", "2", ""]));
        check(r#"{"Records":[{} {},3]}"#, Ok(&["{} {}", "3"]));
        check(r#"{"Records":[{"a":[}},3]}"#, Ok(&[r#"{"a":[}}"#, "3"]));
        check("{\"Records\":[\"raw\nline\",\"\\q\",{}\u{c}]}", Ok(&["\"raw\nline\"", "\"\\q\"", "{}\u{c}"]));
        assert_eq!(read(b"{\"Records\":[\"\xff\",1]}"), Ok(vec![&b"\"\xff\""[..], b"1"]));
    }

    #[test]
    fn a_document_without_records_says_so() {
        for content in [
            "{}",
            r#"{"records":[1]}"#,
            r#"{"Records":null}"#,
            r#"{"Records":{"0":1}}"#,
            r#"{"Records":"[]"}"#,
            r#"{"digestEndTime":"x","logFiles":[]}"#,
            "[]",
            r#"[{"Records":[]}]"#,
            "null",
            "7",
        ] {
            check(content, Err("no_records"));
        }
        for content in
            [r#"{"Records":[],"Records":[]}"#, r#"{"Records":null,"Records":[1]}"#, r#"{"Records":[],"Recor\u0064s":1}"#]
        {
            check(content, Err("repeated_records"));
        }
    }

    #[test]
    fn a_document_that_is_cut_or_broken_is_not_json() {
        let whole = r#"{"a":["x"],"Records":[{"a":"b"},{"c":[1]}],"d":{"e":1}}"#;
        assert_eq!(read(whole.as_bytes()).map(|all| all.len()), Ok(2));
        for cut in 0..whole.len() {
            check(&whole[..cut], Err("not_json"));
        }
        for content in [
            r#"{"Records":[]}}"#,
            r#"{"Records":[]} x"#,
            "{\"Records\":[]}\n{\"Records\":[]}",
            r#"{"Records":[]]}"#,
            r#"{"Records":[{"a":1}}"#,
            r#"{"Records":[1}]}"#,
            r#"{"Records":[],}"#,
            r#"{"Records" []}"#,
            r#"{Records:[]}"#,
            r#"{"a":,"Records":[]}"#,
            r#"{"a":tru,"Records":[]}"#,
            "[1",
            "hello",
        ] {
            check(content, Err("not_json"));
        }
        assert_eq!(read(b"\xff"), Err("not_json"));
    }

    #[test]
    fn what_the_visitor_says_stops_the_walk() {
        let mut seen = 0;
        let stopped = records(br#"{"Records":[1,2,3]}"#, |_| {
            seen += 1;
            Err(Unreadable::NotGzip)
        });
        assert_eq!((stopped, seen), (Err(Unreadable::NotGzip), 1));
    }

    proptest! {
        #[test]
        fn arbitrary_bytes_never_panic(content: Vec<u8>, tail in "[\\[\\]{},:\"\\\\ a1]{0,40}") {
            let _ = read(&content);
            let _ = read(tail.as_bytes());
            let _ = read(&[b"{\"Records\":[", tail.as_bytes(), b"]}"].concat());
            let _ = read(&[b"{\"Records\":[", &content[..], b"]}"].concat());
        }

        #[test]
        fn elements_of_a_valid_document_are_serde_jsons(values in prop::collection::vec(json::tests::any_json(), 0..6), pretty: bool) {
            let document = serde_json::json!({ "Records": values });
            let text = if pretty { serde_json::to_string_pretty(&document) } else { serde_json::to_string(&document) }.unwrap();
            let got: Vec<serde_json::Value> = read(text.as_bytes()).unwrap().iter().map(|e| serde_json::from_slice(e).unwrap()).collect();
            prop_assert_eq!(got, values);
        }
    }
}
