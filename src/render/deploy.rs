//! What runs partctl by itself: units for systemd, a line for cron, a job for Kubernetes, a workflow for GitHub.
//!
//! Templates with a few places to fill in, each spelled as its reader wants it. No secret has a place in any of them.

use std::borrow::Cow;

/// How partctl is run.
#[derive(Debug, Clone)]
pub struct Deployment<'a> {
    /// The program's path; in a container its image knows it.
    pub program: &'a str,
    /// Where the policies lie.
    pub policies: &'a [String],
    /// When trying for locks ends, such as `20 minutes`.
    pub deadline: &'a str,
    /// Where metrics are written.
    pub textfile: Option<&'a str>,
    /// The account that it runs under.
    pub user: &'a str,
    /// A file of `NAME=value` lines: the connection, and who is told.
    pub environment: &'a str,
}

/// `--policies PATH` for each.
fn options(policies: &[String]) -> Vec<&str> {
    policies.iter().flat_map(|path| ["--policies", path.as_str()]).collect()
}

impl Deployment<'_> {
    fn arguments(&self) -> Vec<&str> {
        let mut arguments = options(self.policies);
        arguments.extend(["--quiet", "apply", "--standby-ok", "--deadline", self.deadline]);
        arguments.extend(self.textfile.into_iter().flat_map(|file| ["--prometheus-textfile", file]));
        arguments
    }

    fn command(&self, quoted: fn(&str) -> Cow<'_, str>) -> String {
        let words = [self.program].into_iter().chain(self.arguments());
        words.map(quoted).collect::<Vec<_>>().join(" ")
    }
}

/// The units, each with the name of its file: a service, its timer, and what is started when the service fails.
pub fn systemd_units(deployment: &Deployment<'_>, calendar: &str) -> [(&'static str, String); 3] {
    let folder = deployment.textfile.and_then(|file| file.rsplit_once('/')).map(|(folder, _)| folder);
    let writes = folder.map(|folder| format!("ReadWritePaths={}", for_systemd(folder))).unwrap_or_default();
    let service = fill(
        include_str!("deploy/partctl.service"),
        &[
            ("@USER@", deployment.user),
            ("@ENVIRONMENT@", &for_systemd(deployment.environment)),
            ("@COMMAND@", &deployment.command(for_systemd)),
            ("@WRITES@\n", &if writes.is_empty() { writes } else { writes + "\n" }),
        ],
    );
    [
        ("partctl.service", service),
        ("partctl.timer", fill(include_str!("deploy/partctl.timer"), &[("@CALENDAR@", calendar)])),
        ("partctl-failed@.service", include_str!("deploy/partctl-failed@.service").to_owned()),
    ]
}

/// A file for `/etc/cron.d`.
pub fn cron_line(deployment: &Deployment<'_>, schedule: &str) -> String {
    // For cron an unescaped `%` ends the command.
    let for_cron = |text: &str| text.replace('%', "\\%");
    fill(
        include_str!("deploy/cron"),
        &[
            ("@SCHEDULE@", schedule),
            ("@USER@", deployment.user),
            ("@ENVIRONMENT@", &for_cron(&for_shell(deployment.environment))),
            ("@COMMAND@", &for_cron(&deployment.command(for_shell))),
        ],
    )
}

/// A CronJob of Kubernetes, whose policies are a ConfigMap and whose connection is a Secret.
pub fn kubernetes_cron_job(deployment: &Deployment<'_>, schedule: &str, image: &str) -> String {
    let mount = deployment.policies.first().map_or("/etc/partctl/policies", String::as_str);
    fill(
        include_str!("deploy/cronjob.yaml"),
        &[
            ("@SCHEDULE@", &for_yaml(schedule)),
            ("@IMAGE@", &for_yaml(image)),
            ("@ARGUMENTS@", &serde_json::json!(deployment.arguments()).to_string()),
            ("@POLICIES@", &for_yaml(mount)),
        ],
    )
}

/// A workflow for GitHub; `install` is the shell command that installs partctl.
pub fn github_workflow(policies: &[String], install: &str) -> String {
    let shell = |words: &[&str]| words.iter().map(|word| for_shell(word)).collect::<Vec<_>>().join(" ");
    let paths: Vec<&str> = policies.iter().map(String::as_str).collect();
    fill(
        include_str!("deploy/workflow.yaml"),
        &[("@INSTALL@", &for_yaml(install)), ("@POLICIES@", &shell(&paths)), ("@OPTIONS@", &shell(&options(policies)))],
    )
}

fn fill(template: &str, places: &[(&str, &str)]) -> String {
    places.iter().fold(template.to_owned(), |text, (place, value)| text.replace(place, value))
}

fn is_bare(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_./=:@,+".contains(&byte))
}

/// In double quotes where needed; `%` begins a specifier and `$` a variable.
fn for_systemd(text: &str) -> Cow<'_, str> {
    if is_bare(text) {
        return text.into();
    }
    let escaped = text.replace('\\', "\\\\").replace('"', "\\\"").replace('%', "%%").replace('$', "$$");
    format!("\"{escaped}\"").into()
}

/// In single quotes where needed.
fn for_shell(text: &str) -> Cow<'_, str> {
    if is_bare(text) { text.into() } else { format!("'{}'", text.replace('\'', "'\\''")).into() }
}

/// JSON's strings are YAML's.
fn for_yaml(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;

    fn deployment<'a>(policies: &'a [String], textfile: Option<&'a str>) -> Deployment<'a> {
        Deployment {
            program: "/usr/bin/partctl",
            policies,
            deadline: "20 minutes",
            textfile,
            user: "partctl",
            environment: "/etc/partctl/environment",
        }
    }

    fn policies(paths: &[&str]) -> Vec<String> {
        paths.iter().map(|path| (*path).to_owned()).collect()
    }

    #[test]
    fn a_service_runs_under_an_account_of_its_own_and_writes_only_metrics() {
        let policies = policies(&["/etc/partctl/policies"]);
        let [(_, service), (_, timer), (_, failed)] =
            systemd_units(&deployment(&policies, Some("/var/lib/node_exporter/partctl.prom")), "*-*-* 03:15");
        for line in [
            "ExecStart=/usr/bin/partctl --policies /etc/partctl/policies --quiet apply --standby-ok --deadline \"20 minutes\" --prometheus-textfile /var/lib/node_exporter/partctl.prom",
            "ReadWritePaths=/var/lib/node_exporter",
            "OnFailure=partctl-failed@%n.service",
            "ProtectSystem=strict",
            "NoNewPrivileges=yes",
            "User=partctl",
        ] {
            assert!(service.lines().any(|found| found == line), "{line} is not in\n{service}");
        }
        assert!(timer.contains("\nOnCalendar=*-*-* 03:15\n") && timer.contains("\nPersistent=true\n"));
        let [(_, bare), ..] = systemd_units(&deployment(&policies, None), "daily");
        assert!(!bare.contains("ReadWritePaths"));
        for text in [service, timer, failed, bare] {
            assert!(!text.split_whitespace().any(|word| word.starts_with('@') && word.ends_with('@')), "{text}");
        }
    }

    #[test]
    fn values_stay_one_word_in_every_spelling() {
        let odd = policies(&["/etc/50% \"it's\" $HOME"]);
        let deployment = deployment(&odd, None);
        let [(_, service), ..] = systemd_units(&deployment, "daily");
        assert!(service.contains("--policies \"/etc/50%% \\\"it's\\\" $$HOME\" --quiet"), "{service}");
        let cron = cron_line(&deployment, "15 3 * * *");
        let last = cron.lines().last().unwrap();
        assert!(last.starts_with("15 3 * * *  partctl  set -a; "), "{cron}");
        assert!(last.contains("--policies '/etc/50\\% \"it'\\''s\" $HOME' --quiet"), "{cron}");
    }

    #[test]
    fn a_job_of_kubernetes_may_do_nothing_but_connect() {
        let policies = policies(&["/policies"]);
        let text = kubernetes_cron_job(&deployment(&policies, None), "15 3 * * *", "registry.example/partctl:0.1.0");
        let job: Value = serde_saphyr::from_str(&text).unwrap();
        assert_eq!((&job["kind"], &job["spec"]["schedule"]), (&"CronJob".into(), &"15 3 * * *".into()));
        let pod = &job["spec"]["jobTemplate"]["spec"]["template"]["spec"];
        let container = &pod["containers"][0];
        assert_eq!(container["image"], "registry.example/partctl:0.1.0");
        assert_eq!(container["args"][1], "/policies");
        assert_eq!(container["volumeMounts"][0]["mountPath"], "/policies");
        assert_eq!(container["securityContext"]["readOnlyRootFilesystem"], true);
        assert_eq!(pod["securityContext"]["runAsNonRoot"], true);
    }

    #[test]
    fn a_workflow_is_yaml_and_repeats_no_secret() {
        let policies = policies(&["policies"]);
        let text = github_workflow(&policies, "cargo install --locked partctl # \"0.1\"");
        let workflow: Value = serde_saphyr::from_str(&text).unwrap();
        let steps = workflow["jobs"]["plan"]["steps"].as_array().unwrap();
        assert_eq!(steps[1]["run"], "cargo install --locked partctl # \"0.1\"");
        assert_eq!(steps[3]["run"], "partctl --policies policies check -o github");
        assert_eq!(workflow["jobs"]["validate"]["steps"][2]["run"], "partctl validate -o github policies");
        assert_eq!(text.matches("secrets.").count(), 1);
    }
}
