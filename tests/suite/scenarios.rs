//! Pure scenarios: a policy and a catalog in, the plan out. Each folder's name is the sentence that it holds.

use std::fs;

use partctl::catalog::CatalogSnapshot;
use partctl::diff;
use partctl::plan::Moment;
use partctl::policy::{Source, check};
use partctl::render::{Colour, Occasion, PlanReport, Screen, plan_table};

#[test]
fn scenarios() {
    insta::glob!("../scenarios", "*/policy.yaml", |path| {
        let folder = path.parent().unwrap();
        let text = fs::read_to_string(path).unwrap();
        let checked = check(&[Source { path: "policy.yaml".to_owned(), text }]);
        assert_eq!(checked.problems, [], "{}", folder.display());
        let catalog = fs::read_to_string(folder.join("catalog.yaml")).unwrap();
        let snapshot: CatalogSnapshot = serde_saphyr::from_str(&catalog).unwrap();
        let plan = diff::plan(&checked.policies, &snapshot);
        let mut shown = Vec::new();
        let screen = Screen { width: 120, colour: Colour::Never };
        let report = PlanReport { plan: &plan, withheld: &[], moment: Moment::Server, occasion: Occasion::Plan };
        plan_table(&report, screen, &mut shown).unwrap();
        let mut shown = String::from_utf8(shown).unwrap();
        for question in &plan.questions {
            shown.push_str(&format!("asks: {question:?}\n"));
        }
        let sentence = folder.file_name().unwrap().to_string_lossy().into_owned();
        insta::with_settings!({ snapshot_path => folder, prepend_module_to_snapshot => false, omit_expression => true }, {
            insta::assert_snapshot!("plan", shown, &sentence);
        });
    });
}
