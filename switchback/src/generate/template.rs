//! JSON bodies as text with slots: what makes the catalogue of APIs data instead of code.
//!
//! `<name>` is filled from the scene, `<1-100>` with a number of that range, `<a|b|c>` with one of the texts. A slot
//! that names a thing of the account gives the same thing throughout a record, so that `requestParameters` and
//! `resources` agree.

use super::account::Account;
use super::regions::REGIONS;
use super::rng::Rng;
use super::text::{self, push, push_all};

/// Where and when one record happens.
#[derive(Debug)]
pub(crate) struct Scene<'a> {
    pub(crate) account: &'a Account,
    pub(crate) region: &'static str,
    /// Seconds since the epoch.
    pub(crate) time: i64,
    /// Chooses the things of the account that this record is about.
    pub(crate) pick: u64,
    pub(crate) rng: &'a mut Rng,
}

/// One thing that a template can name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Slot {
    AccountId,
    Region,
    Role,
    RoleId,
    KeyPart,
    User,
    UserId,
    Bucket,
    ObjectKey,
    KeyId,
    Instance,
    Function,
    Name,
    Uuid,
    Hex(usize),
    Base64(usize),
    Base32(usize),
    Time,
    Later,
    Epoch,
    Millis,
    Address,
}

const SLOTS: [(&str, Slot); 27] = [
    ("account", Slot::AccountId),
    ("region", Slot::Region),
    ("role", Slot::Role),
    ("roleId", Slot::RoleId),
    ("keyPart", Slot::KeyPart),
    ("user", Slot::User),
    ("userId", Slot::UserId),
    ("bucket", Slot::Bucket),
    ("object", Slot::ObjectKey),
    ("key", Slot::KeyId),
    ("instance", Slot::Instance),
    ("function", Slot::Function),
    ("name", Slot::Name),
    ("uuid", Slot::Uuid),
    ("hex8", Slot::Hex(8)),
    ("hex17", Slot::Hex(17)),
    ("hex32", Slot::Hex(32)),
    ("hex64", Slot::Hex(64)),
    ("b8", Slot::Base32(8)),
    ("b64x75", Slot::Base64(75)),
    ("b64x216", Slot::Base64(216)),
    ("token", Slot::Base64(620)),
    ("time", Slot::Time),
    ("later", Slot::Later),
    ("epoch", Slot::Epoch),
    ("millis", Slot::Millis),
    ("address", Slot::Address),
];

#[derive(Debug, Clone, PartialEq, Eq)]
enum Part {
    Text(&'static str),
    Slot(Slot),
    Between(i64, i64),
    OneOf(Vec<&'static str>),
}

/// A parsed template.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Template {
    parts: Vec<Part>,
}

impl Template {
    /// Reads a template of the catalogue.
    pub(crate) fn parse(source: &'static str) -> anyhow::Result<Template> {
        let mut parts = Vec::new();
        let mut rest = source;
        while let Some((before, after)) = rest.split_once('<') {
            let Some((slot, behind)) = after.split_once('>') else { anyhow::bail!("read template {source}: '<' without '>'") };
            if !before.is_empty() {
                parts.push(Part::Text(before));
            }
            parts.push(part(slot).ok_or_else(|| anyhow::anyhow!("read template {source}: unknown slot {slot:?}"))?);
            rest = behind;
        }
        if !rest.is_empty() {
            parts.push(Part::Text(rest));
        }
        Ok(Template { parts })
    }

    /// Appends the text for a scene.
    pub(crate) fn write(&self, out: &mut Vec<u8>, scene: &mut Scene<'_>) {
        for part in &self.parts {
            match part {
                Part::Text(text) => push(out, text),
                Part::Slot(slot) => slot.write(out, scene),
                Part::Between(low, high) => text::number(out, scene.rng.between(*low, *high).unsigned_abs(), 1),
                Part::OneOf(texts) => push(out, scene.rng.pick(texts).copied().unwrap_or("null")),
            }
        }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.parts.is_empty()
    }
}

fn part(slot: &'static str) -> Option<Part> {
    if slot.contains('|') {
        return Some(Part::OneOf(slot.split('|').collect()));
    }
    if let Some((low, high)) = slot.split_once('-') {
        return Some(Part::Between(low.parse().ok()?, high.parse().ok()?));
    }
    SLOTS.iter().find(|(name, _)| *name == slot).map(|&(_, slot)| Part::Slot(slot))
}

/// The thing of this record among `things`: small picks are more likely, so some things are hot.
fn thing(things: &[String], pick: u64) -> &str {
    let len = things.len().max(1) as u64;
    let at = (pick % len).min((pick >> 20) % len);
    things.get(at as usize).map_or("", String::as_str)
}

impl Slot {
    fn write(self, out: &mut Vec<u8>, scene: &mut Scene<'_>) {
        let account = scene.account;
        let role = account.roles.get((scene.pick >> 8) as usize % account.roles.len().max(1));
        let user = account.users.get((scene.pick >> 12) as usize % account.users.len().max(1));
        match self {
            Slot::AccountId => push(out, &account.id),
            Slot::Region => push(out, if scene.region.is_empty() { REGIONS[0] } else { scene.region }),
            Slot::Role => push(out, role.map_or("", |role| role.name)),
            Slot::RoleId => push(out, role.map_or("", |role| &role.id)),
            Slot::KeyPart => push(out, &account.key_part),
            Slot::User => push(out, user.map_or("", |user| &user.name)),
            Slot::UserId => push(out, user.map_or("", |user| &user.id)),
            Slot::Bucket => push(out, thing(&account.buckets, scene.pick)),
            Slot::KeyId => push(out, thing(&account.keys, scene.pick)),
            Slot::Instance => push(out, thing(&account.instances, scene.pick)),
            Slot::Function => push(out, thing(&account.functions, scene.pick)),
            Slot::Name => push(out, thing(&account.names, scene.pick)),
            Slot::ObjectKey => object_key(out, scene.pick, scene.time),
            Slot::Uuid => text::uuid(out, scene.rng),
            Slot::Hex(len) => text::hex(out, scene.rng, len),
            Slot::Base64(len) => text::base64(out, scene.rng, len),
            Slot::Base32(len) => text::base32(out, scene.rng, len),
            Slot::Time => text::time(out, scene.time),
            Slot::Later => text::american_time(out, scene.time + 3_600),
            Slot::Epoch => epoch_float(out, scene.time, scene.rng.below(1_000)),
            Slot::Millis => text::number(out, (scene.time * 1_000).unsigned_abs() + scene.rng.below(1_000), 1),
            Slot::Address => push(out, thing(&account.addresses, scene.pick)),
        }
    }
}

/// `1.688560107857E9`: how Java's `Double.toString` writes seconds with milliseconds; readers that insist on whole
/// numbers stumble over it.
fn epoch_float(out: &mut Vec<u8>, seconds: i64, millis: u64) {
    let text = text::string(|text| text::number(text, seconds.unsigned_abs(), 1));
    let (first, rest) = text.split_at(1);
    push_all(out, &[first, ".", rest]);
    text::number(out, millis, 3);
    push(out, "E9");
}

/// An object's key, the same one for the same pick: data lakes, uploads, and names that need escaping or are not ASCII.
fn object_key(out: &mut Vec<u8>, pick: u64, time: i64) {
    let mut rng = Rng::new(pick, 0x0b1);
    match rng.below(20) {
        0..9 => {
            push(out, "events/dt=");
            text::date(out, time, "-");
            push(out, "/part-");
            text::number(out, rng.below(2_000), 5);
            out.push(b'-');
            text::uuid(out, &mut rng);
            push(out, ".snappy.parquet");
        }
        9..16 => {
            push(out, "uploads/");
            text::hex(out, &mut rng, 2);
            out.push(b'/');
            text::hex(out, &mut rng, 24);
            push(out, ".jpg");
        }
        16 | 17 => {
            push(out, "exports/customers-");
            text::number(out, rng.below(400), 4);
            push(out, ".csv.gz");
        }
        18 => push(out, "manual/Q3 report (final) \\\"v2\\\".xlsx"),
        _ => push(out, "\u{30ec}\u{30dd}\u{30fc}\u{30c8}/\\u00e9t\\u00e9+100%.pdf"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::generate::world::World;

    fn filled(source: &'static str, pick: u64) -> String {
        let world = World::new(1, 1, 1).expect("world");
        let mut rng = Rng::new(1, 1);
        let mut scene = Scene { account: &world.accounts[0], region: "us-east-1", time: 1_688_560_107, pick, rng: &mut rng };
        text::string(|out| Template::parse(source).expect("template").write(out, &mut scene))
    }

    #[test]
    fn slots_are_filled_and_text_is_kept() {
        assert_eq!(filled(r#"{"a":"<region>","b":<7-7>}"#, 0), r#"{"a":"us-east-1","b":7}"#);
        assert!(["1", "\"1\""].contains(&filled(r#"<1|"1">"#, 0).as_str()));
        assert!(filled("<epoch>", 0).starts_with("1.688560107"), "{}", filled("<epoch>", 0));
    }

    #[test]
    fn a_thing_is_the_same_throughout_a_record() {
        for pick in [0, 5, u64::MAX / 3] {
            let text = filled("<bucket>/<object> <bucket>/<object>", pick);
            let half = text.len() / 2;
            assert_eq!(text[..half], text[half + 1..]);
        }
    }

    #[test]
    fn a_slot_that_does_not_exist_is_refused() {
        assert!(Template::parse("<nonsense>").is_err());
        assert!(Template::parse("a < b").is_err());
        assert!(Template::parse("<1-x>").is_err());
    }
}
