//! What a store refused or did not answer, in words: the request without its parameters, which may hold a signature,
//! the store's own code and message, and what to do where that is known. Decides nothing about trying again.

use std::error::Error;
use std::fmt;

use crate::failure::{Failure, FailureKind};

/// A request to a store that did not succeed.
#[derive(Debug)]
pub(super) struct Refusal {
    error: object_store::Error,
    said: Said,
}

#[derive(Debug, Default, PartialEq)]
struct Said {
    /// `GET https://…`
    request: Option<String>,
    /// `404 Not Found`
    status: Option<String>,
    /// `NoSuchBucket`
    code: Option<String>,
    text: String,
    /// ` after 10 retries`
    retries: String,
}

/// An error at `doing` something with a store whose URL begins so: a failure of its own where the store has refused.
pub(super) fn refused(error: anyhow::Error, doing: String, url: &str) -> anyhow::Error {
    let refusal = match error.downcast::<object_store::Error>() {
        Ok(error) => Refusal::new(error),
        Err(error) => return error.context(doing),
    };
    let failure = Failure { hint: refusal.remedy(url), ..Failure::new(FailureKind::Findings, doing) };
    anyhow::Error::from(refusal).context(failure)
}

impl Refusal {
    fn new(error: object_store::Error) -> Self {
        let text = error.to_string();
        // What is at the bottom of it, such as a connection that was refused, is often told by nobody above.
        let bottom = std::iter::successors(error.source(), |&cause| cause.source()).last().map(ToString::to_string);
        let untold = bottom.filter(|bottom| !text.contains(bottom));
        let mut said = read(&text).unwrap_or_else(|| Said { text, ..Said::default() });
        if let Some(untold) = untold {
            said.text = format!("{}: {untold}", said.text);
        }
        Self { error, said }
    }

    /// Whether it is the object alone that is not there.
    pub fn is_missing_object(&self) -> bool {
        matches!(self.error, object_store::Error::NotFound { .. }) && !self.is_missing_bucket()
    }

    fn is_missing_bucket(&self) -> bool {
        self.said.code.as_deref().is_some_and(|code| ["NoSuchBucket", "ContainerNotFound"].contains(&code))
    }

    fn remedy(&self, url: &str) -> Option<String> {
        if self.is_missing_bucket() {
            return Some("make it first: partctl makes no bucket".to_owned());
        }
        // Credentials that the environment has not are asked of the cloud's machine that this would be.
        let asked = self.said.request.as_deref().unwrap_or_default();
        let token = ["//169.254.169.254/", "//metadata.google.internal/", "/token"];
        let is_refused =
            self.said.status.as_deref().is_some_and(|status| status.starts_with("401") || status.starts_with("403"));
        if !is_refused && token.iter().all(|part| !asked.contains(part)) {
            return None;
        }
        let by = match url.split_once("://")?.0 {
            "gs" => "GOOGLE_APPLICATION_CREDENTIALS or `gcloud auth application-default login`",
            "az" => "AZURE_STORAGE_CONNECTION_STRING, or AZURE_STORAGE_ACCOUNT and AZURE_STORAGE_KEY",
            _ => "AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or a profile in ~/.aws/credentials",
        };
        Some(format!("give credentials that may list, read, write and delete there, by {by}"))
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Said { request, status, code, text, retries } = &self.said;
        let parts = [status, code, &Some(text.clone()).filter(|text| !text.is_empty())];
        let answer: Vec<&str> = parts.into_iter().filter_map(|part| part.as_deref()).collect();
        match request {
            Some(request) => write!(f, "{request}{retries}: {}", answer.join(", ")),
            None => f.write_str(text),
        }
    }
}

impl Error for Refusal {}

/// Takes the crate's text apart, which is all that it gives:
/// `… Error performing GET URL in 1s, after 10 retries, … - Server returned non-2xx status code: 404 Not Found: BODY`.
fn read(text: &str) -> Option<Said> {
    // What was wanted comes first, and is told by the same words.
    let (_, request) = text.rsplit_once("Error performing ")?;
    let (asked, rest) = request.split_once(" in ")?;
    let (tries, answer) = rest.split_once(" - ")?;
    let request = Some(asked.split('?').next().unwrap_or(asked).replace("REDACTED", "a signed URL"));
    let retries = tries.split(", ").find(|part| part.starts_with("after ")).map(|part| format!(" {part}"));
    let said = Said { request, retries: retries.unwrap_or_default(), ..Said::default() };
    let Some((_, answer)) = answer.split_once("Server returned non-2xx status code: ") else {
        return Some(Said { text: answer.trim().to_owned(), ..said });
    };
    let (status, body) = answer.split_once(": ").unwrap_or((answer, ""));
    let status = Some(status.trim_end_matches(':').to_owned());
    let (code, message) = (element(body, "Code"), element(body, "Message").or_else(|| of_json(body)));
    let text = message.as_deref().unwrap_or(if code.is_some() { "" } else { body });
    let line = text.trim().lines().next().unwrap_or_default().trim_end_matches('.');
    Some(Said { status, code, text: line.chars().take(300).collect(), ..said })
}

/// What stands in an XML element; the crate has escaped line feeds.
fn element(xml: &str, name: &str) -> Option<String> {
    let (_, rest) = xml.split_once(&format!("<{name}>"))?;
    Some(rest.split_once("</")?.0.replace("\\n", "\n"))
}

/// What those say who give out tokens.
fn of_json(body: &str) -> Option<String> {
    let body: serde_json::Value = serde_json::from_str(body).ok()?;
    let text = [&body["error_description"], &body["error"]["message"], &body["error"]];
    text.into_iter().find_map(|text| text.as_str()).map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refusal(text: &str) -> Refusal {
        let error = object_store::Error::Generic { store: "S3", source: text.into() };
        Refusal::new(error)
    }

    fn told(text: &str) -> (String, Option<String>) {
        let refusal = refusal(text);
        (refusal.to_string(), refusal.remedy("az://acme"))
    }

    #[test]
    fn what_a_store_says_is_told_without_what_it_was_asked_with() {
        let (said, remedy) = told(
            "Error performing list request: Error performing GET https://h/acme?prefix=a%20-%20b&sig=secret in 13.9ms - \
             Server returned non-2xx status code: 404 Not Found: <?xml version=\"1.0\"?><Error><Code>ContainerNotFound\
             </Code><Message>The specified container does not exist.\nRequestId:1</Message></Error>",
        );
        assert_eq!(
            said,
            "GET https://h/acme: 404 Not Found, ContainerNotFound, The specified container does not exist"
        );
        assert_eq!(remedy.unwrap(), "make it first: partctl makes no bucket");
    }

    #[test]
    fn credentials_that_nobody_gave_are_asked_for() {
        let (said, remedy) = told(
            "Error performing token request: Error performing GET http://169.254.169.254/metadata/identity?x=y in 4.1s, \
             after 10 retries, max_retries: 10, retry_timeout: 180s  - HTTP error: error sending request",
        );
        assert_eq!(
            said,
            "GET http://169.254.169.254/metadata/identity after 10 retries: HTTP error: error sending request"
        );
        assert!(remedy.unwrap().contains("AZURE_STORAGE_CONNECTION_STRING"));
    }

    #[test]
    fn those_who_give_out_tokens_speak_json() {
        let (said, remedy) = told(
            "Error performing POST https://login/x/oauth2/v2.0/token in 1ms - Server returned non-2xx status code: \
             401 Unauthorized: {\"error\":\"invalid_client\",\"error_description\":\"AADSTS7000215: Invalid secret.\"}",
        );
        assert_eq!(said, "POST https://login/x/oauth2/v2.0/token: 401 Unauthorized, AADSTS7000215: Invalid secret");
        assert!(remedy.is_some());
    }

    #[test]
    fn what_is_no_request_is_told_as_it_is() {
        let (said, remedy) = told("Unable to open file /x: Permission denied");
        assert_eq!((said.as_str(), remedy), ("Generic S3 error: Unable to open file /x: Permission denied", None));
        let (said, remedy) = told("Error performing PUT https://h/x in 1s - HTTP error: error sending request");
        assert_eq!((said.as_str(), remedy), ("PUT https://h/x: HTTP error: error sending request", None));
    }
}
