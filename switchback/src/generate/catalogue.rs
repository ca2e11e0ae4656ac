//! All APIs with their templates parsed, ready to be drawn from by weight.

use super::api::Api;
use super::rng::{Rng, Weighted};
use super::template::Template;
use super::{services, services_tail};

/// An API with its templates parsed.
#[derive(Debug)]
pub(crate) struct Call {
    pub(crate) api: Api,
    pub(crate) request: Template,
    pub(crate) response: Template,
    pub(crate) resources: Template,
    pub(crate) additional: Template,
}

/// All APIs.
#[derive(Debug)]
pub(crate) struct Catalogue {
    calls: Vec<Call>,
    home: Weighted,
    elsewhere: Weighted,
}

impl Catalogue {
    /// Parses the templates of every API.
    pub(crate) fn parse() -> anyhow::Result<Catalogue> {
        let apis = || services::APIS.iter().chain(&services_tail::APIS);
        let calls = apis()
            .map(|api| {
                Ok(Call {
                    api: *api,
                    request: Template::parse(api.request)?,
                    response: Template::parse(api.response)?,
                    resources: Template::parse(api.resources)?,
                    additional: Template::parse(api.additional)?,
                })
            })
            .collect::<anyhow::Result<Vec<_>>>()?;
        let home = Weighted::new(apis().map(|api| api.weight));
        let elsewhere = Weighted::new(apis().map(|api| if api.global { 0 } else { api.weight }));
        Ok(Catalogue { calls, home, elsewhere })
    }

    /// Draws a call for a region; global services are seen in their home region only.
    pub(crate) fn draw(&self, home: bool, rng: &mut Rng) -> &Call {
        let weights = if home { &self.home } else { &self.elsewhere };
        &self.calls[weights.draw(rng).min(self.calls.len() - 1)]
    }

    /// The call of that name.
    pub(crate) fn find(&self, source: &str, name: &str) -> Option<&Call> {
        self.calls.iter().find(|call| call.api.source == source && call.api.name == name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_template_of_the_catalogue_can_be_read() {
        let catalogue = Catalogue::parse().expect("catalogue");
        assert!(catalogue.calls.len() > 70);
        assert!(catalogue.find("iam", "CreateAccessKey").is_some());
    }

    #[test]
    fn a_global_service_is_seen_in_its_home_region_only() {
        let catalogue = Catalogue::parse().expect("catalogue");
        let mut rng = Rng::new(1, 1);
        let mut drawn = |home| (0..50_000).filter(|_| catalogue.draw(home, &mut rng).api.source == "iam").count();
        assert_eq!(drawn(false), 0);
        assert!(drawn(true) > 0);
    }
}
