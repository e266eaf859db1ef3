//! Tells others how a run ended: a URL that is posted to, a command that is given the report, a heartbeat.
//!
//! What goes wrong here is for the caller to mention and changes nothing that was done. URLs and commands may hold
//! secrets: of a URL no more than its host is ever told, of a command nothing.

use std::error::Error;
use std::fmt;
use std::process::Stdio;
use std::time::Duration;

use nix::sys::signal::{Signal, killpg};
use nix::unistd::Pid;
use reqwest::redirect::Policy;
use reqwest::{Client, Method, StatusCode, Url};
use tokio::io::AsyncWriteExt;
use tokio::process::Command;
use tokio::task::JoinSet;
use tokio::time::timeout;

/// How long others may take.
#[derive(Debug, Clone, Copy)]
struct Patience {
    /// For an answer, connecting included.
    url: Duration,
    /// For a command, which is killed then, with all that it started.
    command: Duration,
}

const PATIENCE: Patience = Patience { url: Duration::from_secs(10), command: Duration::from_secs(30) };

/// How many redirects are followed.
const REDIRECTS: usize = 5;

/// Who is told.
#[derive(Clone, PartialEq, Eq)]
pub enum Recipient {
    /// Gets the report by POST.
    Url(Url),
    /// Is run by `sh -c` and gets the report on its standard input.
    Command(String),
}

impl fmt::Debug for Recipient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Recipient({self})")
    }
}

impl fmt::Display for Recipient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Url(url) => f.write_str(url.host_str().unwrap_or("a URL")),
            Self::Command(_) => f.write_str("the command"),
        }
    }
}

impl Recipient {
    /// A URL when it begins as one, else a command.
    ///
    /// # Errors
    /// A fragment that says what is wrong with a URL, and not the URL.
    pub fn parse(text: &str) -> Result<Self, String> {
        if text.contains("://") && !text.contains(char::is_whitespace) {
            return http_url(text).map(Self::Url);
        }
        Ok(Self::Command(text.to_owned()))
    }

    async fn tell(self, report: String, patience: Patience) -> Result<(), String> {
        let told = match &self {
            Self::Url(url) => ask(Method::POST, url.clone(), Some(report), patience.url).await,
            Self::Command(command) => run(command, &report, patience.command).await,
        };
        told.map_err(|why| format!("{self} {why}"))
    }
}

/// A URL of the web.
///
/// # Errors
/// A fragment that says what is wrong with it, and not the URL.
pub fn http_url(text: &str) -> Result<Url, String> {
    let url = Url::parse(text).map_err(|error| error.to_string())?;
    match url.scheme() {
        "http" | "https" => Ok(url),
        other => Err(format!("`{other}` is neither http nor https")),
    }
}

/// Tells all of them at once. Returns what went wrong, as fragments.
pub async fn notify(recipients: &[Recipient], report: &str) -> Vec<String> {
    notify_within(PATIENCE, recipients, report).await
}

async fn notify_within(patience: Patience, recipients: &[Recipient], report: &str) -> Vec<String> {
    let mut telling = JoinSet::new();
    for recipient in recipients {
        telling.spawn(recipient.clone().tell(report.to_owned(), patience));
    }
    telling.join_all().await.into_iter().filter_map(Result::err).collect()
}

/// Says that all is well.
///
/// # Errors
/// What went wrong, as a fragment.
pub async fn heartbeat(url: &Url) -> Result<(), String> {
    let host = url.host_str().unwrap_or("a URL").to_owned();
    ask(Method::GET, url.clone(), None, PATIENCE.url).await.map_err(|why| format!("{host} {why}"))
}

async fn ask(method: Method, url: Url, body: Option<String>, patience: Duration) -> Result<(), String> {
    let mut request = client(&url, patience, redirects(&method, &url))?.request(method, url);
    if let Some(body) = body {
        request = request.header("content-type", "application/json").body(body);
    }
    let answer = request.send().await.map_err(|error| match error.is_timeout() {
        true => format!("did not answer within {} ms", patience.as_millis()),
        false => format!("could not be told: {}", in_words(error)),
    })?;
    match answer.status() {
        status if status.is_success() => Ok(()),
        status if status.is_redirection() => Err(format!("answered {status}: name the address that it leads to")),
        status => Err(format!("answered {status}")),
    }
}

/// Follows where nothing is lost on the way: most redirects make a GET of a POST, which leaves the report behind, and
/// a client without TLS knows no certificates.
fn redirects(method: &Method, from: &Url) -> Policy {
    let (bare, scheme) = (*method == Method::GET, from.scheme().to_owned());
    Policy::custom(move |attempt| {
        let kept = bare || matches!(attempt.status(), StatusCode::TEMPORARY_REDIRECT | StatusCode::PERMANENT_REDIRECT);
        let follow = kept && attempt.url().scheme() == scheme && attempt.previous().len() <= REDIRECTS;
        if follow { attempt.follow() } else { attempt.stop() }
    })
}

fn client(url: &Url, patience: Duration, redirects: Policy) -> Result<Client, String> {
    // Refused only where a provider is installed already, which is as good.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let builder = Client::builder().timeout(patience).user_agent(concat!("partctl/", env!("CARGO_PKG_VERSION")));
    // A referer would hand the secret of one host's URL to the next.
    let builder = builder.redirect(redirects).referer(false);
    // Without TLS there is nothing to verify, and a machine without certificates will do.
    let builder = if url.scheme() == "http" { builder.tls_certs_only([]) } else { builder };
    builder.build().map_err(|error| format!("could not be told: {}", in_words(error)))
}

/// The whole chain of causes, without the URL.
fn in_words(error: reqwest::Error) -> String {
    let error = error.without_url();
    let mut words = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        words.push_str(&format!(": {error}"));
        cause = error.source();
    }
    words
}

async fn run(command: &str, report: &str, patience: Duration) -> Result<(), String> {
    let mut shell = Command::new("sh");
    // Standard output is the result's: what the command says goes where warnings go.
    shell.args(["-c", command]).stdin(Stdio::piped()).stdout(std::io::stderr()).process_group(0).kill_on_drop(true);
    let mut child = shell.spawn().map_err(|error| format!("could not be started: {error}"))?;
    let group = child.id().and_then(|id| i32::try_from(id).ok());
    let stdin = child.stdin.take();
    let run = async {
        let write = async {
            if let Some(mut stdin) = stdin {
                // One that does not read it all closes its end.
                let _ = stdin.write_all(report.as_bytes()).await;
            }
        };
        tokio::join!(write, child.wait()).1
    };
    match timeout(patience, run).await {
        Ok(Ok(status)) if status.success() => Ok(()),
        Ok(Ok(status)) => Err(format!("ended with {status}")),
        Ok(Err(error)) => Err(format!("was lost: {error}")),
        Err(_) => {
            // The group may have ended at this very moment; then there is nothing to kill.
            let _ = group.map(|group| killpg(Pid::from_raw(group), Signal::SIGKILL));
            Err(format!("ran for more than {} ms and was killed", patience.as_millis()))
        }
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::AsyncReadExt as _;

    use super::*;

    const BRIEF: Patience = Patience { url: Duration::from_millis(200), command: Duration::from_millis(200) };

    fn recipients(texts: &[&str]) -> Vec<Recipient> {
        texts.iter().map(|text| Recipient::parse(text).unwrap()).collect()
    }

    #[test]
    fn a_url_is_told_from_a_command_and_a_wrong_one_is_not_repeated() {
        assert!(matches!(Recipient::parse("https://hooks.example/T0/secret"), Ok(Recipient::Url(_))));
        assert!(matches!(Recipient::parse("curl -d @- https://hooks.example"), Ok(Recipient::Command(_))));
        assert!(matches!(Recipient::parse("/usr/local/bin/page"), Ok(Recipient::Command(_))));
        for wrong in ["ftp://hooks.example/secret", "http://[secret"] {
            assert!(!Recipient::parse(wrong).unwrap_err().contains("secret"));
        }
        let shown = format!("{:?}", recipients(&["https://ada:secret@hooks.example/secret", "page --key secret"]));
        assert!(!shown.contains("secret"), "{shown}");
    }

    #[tokio::test]
    async fn what_takes_too_long_is_given_up_and_killed_with_all_it_started() {
        let silent = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/secret", silent.local_addr().unwrap());
        let folder = tempfile::tempdir().unwrap();
        let late = folder.path().join("late");
        let command = format!("(sleep 1; touch {}) & sleep 60", late.display());
        let wrong = notify_within(BRIEF, &recipients(&[&url, &command]), "{}").await;
        assert_eq!(wrong.len(), 2);
        assert!(wrong.iter().any(|text| text == "127.0.0.1 did not answer within 200 ms"), "{wrong:?}");
        assert!(wrong.iter().any(|text| text == "the command ran for more than 200 ms and was killed"), "{wrong:?}");
        tokio::time::sleep(Duration::from_millis(1_500)).await;
        assert!(!late.exists());
    }

    #[tokio::test]
    async fn a_command_may_leave_without_reading_and_its_exit_code_is_told() {
        let report = "x".repeat(1 << 20);
        assert_eq!(notify(&recipients(&["true"]), &report).await, [""; 0]);
        assert_eq!(notify(&recipients(&["exit 3"]), &report).await, ["the command ended with exit status: 3"]);
    }

    #[tokio::test]
    async fn a_refused_connection_is_told_without_the_secret() {
        let closed = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/secret?key=secret", closed.local_addr().unwrap());
        drop(closed);
        let wrong = notify(&recipients(&[&url]), "{}").await.join("");
        assert!(wrong.starts_with("127.0.0.1 could not be told: ") && wrong.contains("refused"), "{wrong}");
        assert!(!wrong.contains("secret"), "{wrong}");
    }

    /// Answers so many requests with a status and a place to go to, the next one with 204; returns what it was asked.
    async fn asked(
        times: usize,
        status: &str,
        to: impl Fn(&str) -> String,
        ask: impl AsyncFnOnce(&str) -> Vec<String>,
    ) -> (Vec<String>, Vec<String>) {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let own = listener.local_addr().unwrap().to_string();
        let redirect = format!("HTTP/1.1 {status}\r\nlocation: {}\r\n", to(&own));
        let answers = std::iter::repeat_n(redirect, times).chain(["HTTP/1.1 204 No Content\r\n".to_owned()]);
        let answers: Vec<String> = answers.collect();
        let serve = tokio::spawn(async move {
            let mut requests = Vec::new();
            for answer in answers {
                let Ok(accepted) = timeout(Duration::from_millis(500), listener.accept()).await else { break };
                let (mut stream, _) = accepted.unwrap();
                let mut request = vec![0; 1 << 12];
                let length = stream.read(&mut request).await.unwrap();
                requests.push(String::from_utf8_lossy(&request[..length]).into_owned());
                let rest = "content-length: 0\r\nconnection: close\r\n\r\n";
                stream.write_all(format!("{answer}{rest}").as_bytes()).await.unwrap();
            }
            requests
        });
        let wrong = ask(&format!("http://{own}/secret")).await;
        (serve.await.unwrap(), wrong)
    }

    #[tokio::test]
    async fn a_redirect_is_followed_only_where_the_report_goes_along() {
        let post = async |url: &str| notify(&recipients(&[url]), "{\"exit\": 8}").await;
        let back = |own: &str| format!("http://{own}/next");
        let (requests, wrong) = asked(1, "307 Temporary Redirect", back, post).await;
        assert_eq!(wrong, [""; 0]);
        assert!(requests[1].starts_with("POST /next") && requests[1].contains("\"exit\": 8"), "{requests:?}");
        assert!(!requests[1].contains("secret"), "{requests:?}");
        let (requests, wrong) = asked(1, "301 Moved Permanently", back, post).await;
        assert_eq!(requests.len(), 1);
        assert_eq!(wrong, ["127.0.0.1 answered 301 Moved Permanently: name the address that it leads to"]);
    }

    #[tokio::test]
    async fn a_heartbeat_follows_but_not_for_ever_and_not_to_another_scheme() {
        let get = async |url: &str| heartbeat(&Url::parse(url).unwrap()).await.err().into_iter().collect();
        let back = |own: &str| format!("http://{own}/next");
        assert_eq!(asked(1, "302 Found", back, get).await.1, [""; 0]);
        let moved = ["127.0.0.1 answered 302 Found: name the address that it leads to"];
        assert_eq!(asked(20, "302 Found", back, get).await.1, moved);
        assert_eq!(asked(1, "302 Found", |own| format!("https://{own}/secret"), get).await.1, moved);
    }
}
