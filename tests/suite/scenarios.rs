//! Pure scenarios: a policy and a catalog in, the plan out. Each folder's name is the sentence that it holds.

use std::fs;
use std::path::{Path, PathBuf};

use partctl::catalog::CatalogSnapshot;
use partctl::diff;
use partctl::plan::Moment;
use partctl::policy::{Source, check};
use partctl::render::{Colour, Occasion, PlanReport, Screen, plan_table};

fn scenarios() -> Vec<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/scenarios");
    let mut folders: Vec<PathBuf> = fs::read_dir(root).unwrap().map(|entry| entry.unwrap().path()).collect();
    folders.sort();
    folders
}

fn shown(folder: &Path) -> String {
    let text = fs::read_to_string(folder.join("policy.yaml")).unwrap();
    let checked = check(&[Source { path: "policy.yaml".to_owned(), text }]);
    assert_eq!(checked.problems, [], "{}", folder.display());
    let catalog = fs::read_to_string(folder.join("catalog.yaml")).unwrap();
    let snapshot: CatalogSnapshot = serde_saphyr::from_str(&catalog).unwrap_or_else(|e| panic!("{folder:?}: {e}"));
    let plan = diff::plan(&checked.policies, &snapshot);
    let report = PlanReport { plan: &plan, moment: Moment::Server, occasion: Occasion::Plan };
    let mut shown = Vec::new();
    plan_table(&report, Screen { width: 120, colour: Colour::Never }, &mut shown).unwrap();
    let mut shown = String::from_utf8(shown).unwrap();
    for question in &plan.questions {
        shown.push_str(&format!("asks: {question:?}\n"));
    }
    shown
}

#[test]
fn every_scenario_comes_to_its_plan() {
    for folder in scenarios() {
        insta::with_settings!({ snapshot_path => &folder, prepend_module_to_snapshot => false, omit_expression => true }, {
            insta::assert_snapshot!("plan", shown(&folder));
        });
    }
}

#[test]
fn no_file_of_a_scenario_is_forgotten() {
    for folder in scenarios() {
        let mut files: Vec<String> =
            fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        files.sort();
        assert_eq!(files, ["catalog.yaml", "plan.snap", "policy.yaml"], "{}", folder.display());
    }
}
