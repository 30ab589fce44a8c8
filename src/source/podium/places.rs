//! The places a person may listen to: the locations they see, and the organisations of several of them.

use std::collections::BTreeMap;

use tracing::debug;

use super::api::{Api, ApiError};
use super::normalize::Names;
use crate::account::PodiumPlace;

/// The places there are.
#[derive(Debug, Clone, Default)]
pub(super) struct Places {
    all: Vec<PodiumPlace>,
}

/// What becomes of a wish.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Wished {
    /// It means this place.
    This(PodiumPlace),
    /// There are several, and none was named.
    Ask,
    /// There is none at all.
    Nothing,
    /// What was named is not there.
    Unknown(String),
}

/// Asks which places there are.
pub(super) async fn there(api: &Api) -> Result<Places, ApiError> {
    let mut locations = api.locations().await?;
    // The service's order is not documented.
    locations.sort_by_key(|location| location.name.to_lowercase());
    let mut all: Vec<PodiumPlace> = locations
        .iter()
        .map(|location| PodiumPlace::Location {
            uid: location.uid.clone(),
            organization_uid: location.organization.clone(),
            name: location.name.clone(),
        })
        .collect();
    let mut organizations: BTreeMap<&str, usize> = BTreeMap::new();
    for uid in locations.iter().filter_map(|location| location.organization.as_deref()) {
        *organizations.entry(uid).or_default() += 1;
    }
    // An organisation of one location is that location.
    let several = organizations.into_iter().filter(|(_, count)| *count > 1 || locations.len() == 1);
    for (uid, count) in several {
        let name = match api.organization(uid).await {
            Ok(name) => name.unwrap_or_else(|| "The whole organisation".to_owned()),
            Err(ApiError::Scope { .. } | ApiError::Gone) => "The whole organisation".to_owned(),
            Err(error) => return Err(error),
        };
        debug!(count, "an organisation");
        all.push(PodiumPlace::Organization { uid: uid.to_owned(), name });
    }
    Ok(Places { all })
}

/// What people and places are called. What cannot be read stays unnamed.
pub(super) async fn names(api: &Api, place: &PodiumPlace) -> Names {
    let people = match api.users().await {
        Ok(people) => people.into_iter().map(|person| (person.uid, person.name)).collect(),
        Err(error) => {
            debug!(%error, "who works there is not known");
            BTreeMap::new()
        }
    };
    let places = match place {
        PodiumPlace::Location { .. } => BTreeMap::new(),
        PodiumPlace::Organization { .. } => match api.locations().await {
            Ok(locations) => locations.into_iter().map(|one| (one.uid, one.name)).collect(),
            Err(error) => {
                debug!(%error, "what the locations are called is not known");
                BTreeMap::new()
            }
        },
    };
    Names { people, places }
}

impl Places {
    /// All of them, locations first.
    pub(super) fn all(&self) -> &[PodiumPlace] {
        &self.all
    }

    /// The names there are, for a sentence.
    pub(super) fn names(&self) -> String {
        self.all.iter().map(PodiumPlace::name).collect::<Vec<_>>().join(", ")
    }

    /// The place of this uid, or of this name.
    pub(super) fn find(&self, wished: &str) -> Option<PodiumPlace> {
        find(&self.all, wished)
    }

    /// What the person's wish comes to.
    pub(super) fn wished(&self, wish: Option<&PodiumPlace>) -> Wished {
        let locations: Vec<PodiumPlace> =
            self.all.iter().filter(|place| matches!(place, PodiumPlace::Location { .. })).cloned().collect();
        let Some(wish) = wish else {
            return match locations.as_slice() {
                [] => Wished::Nothing,
                [only] => Wished::This(only.clone()),
                _ => Wished::Ask,
            };
        };
        let of_kind: Vec<PodiumPlace> = match wish {
            PodiumPlace::Location { .. } => locations,
            PodiumPlace::Organization { .. } => {
                let is = |place: &&PodiumPlace| matches!(place, PodiumPlace::Organization { .. });
                self.all.iter().filter(is).cloned().collect()
            }
        };
        match find(&of_kind, wish.uid()) {
            Some(place) => Wished::This(place),
            None => Wished::Unknown(wish.uid().to_owned()),
        }
    }
}

fn find(places: &[PodiumPlace], wished: &str) -> Option<PodiumPlace> {
    let wished = wished.trim();
    let same_name = |place: &&PodiumPlace| place.name().to_lowercase() == wished.to_lowercase();
    let by_uid = places.iter().find(|place| place.uid() == wished);
    by_uid.or_else(|| places.iter().find(same_name)).cloned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn location(uid: &str, name: &str) -> PodiumPlace {
        PodiumPlace::Location { uid: uid.into(), organization_uid: Some("o".into()), name: name.into() }
    }

    fn organization(uid: &str, name: &str) -> PodiumPlace {
        PodiumPlace::Organization { uid: uid.into(), name: name.into() }
    }

    #[test]
    fn a_place_is_found_by_its_uid_or_its_name_and_asked_for_where_there_are_several() {
        let places = Places {
            all: vec![location("1", "Harbour"), location("2", "Market"), organization("o", "Harbour")],
        };
        assert_eq!(places.wished(None), Wished::Ask);
        for wish in ["2", "market", " Market "] {
            assert_eq!(
                places.wished(Some(&location(wish, ""))),
                Wished::This(location("2", "Market")),
                "{wish}"
            );
        }
        assert_eq!(
            places.wished(Some(&organization("harbour", ""))),
            Wished::This(organization("o", "Harbour"))
        );
        assert_eq!(places.wished(Some(&organization("2", ""))), Wished::Unknown("2".into()));
        let one = Places { all: vec![location("1", "Harbour"), organization("o", "Bikes")] };
        assert_eq!(one.wished(None), Wished::This(location("1", "Harbour")));
        assert_eq!(Places::default().wished(None), Wished::Nothing);
    }
}
