//! The page that `report` writes, as a browser shows it: with keys alone, in light and in dark, on a narrow screen.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use serde_json::{Value, json};

use super::harness::Database;

const POLICIES: &str = "version: 1\ntable: shop.orders\npartition: {range: at, every: 1 month, timezone: UTC}
create: {ahead: 3 partitions}\nretain: {for: 2 years, then: drop, per_run: 20}\n---
version: 1\ntable: 'shop.\"<b>Regions & \"\"co\"\"\"'\npartition: {list: region, values: {na: ['</script><script>alert(1)</script>']}}\n";

const SETUP: &str = "CREATE SCHEMA shop; CREATE TABLE shop.orders (at timestamptz NOT NULL) PARTITION BY RANGE (at);
    CREATE TABLE shop.\"<b>Regions & \"\"co\"\"\" (region text) PARTITION BY LIST (region);
    CREATE TABLE shop.rest PARTITION OF shop.\"<b>Regions & \"\"co\"\"\" DEFAULT;
    DO $$DECLARE m timestamp := date_trunc('month', now() AT TIME ZONE 'UTC'); BEGIN FOR n IN 0..29 LOOP
        EXECUTE format('CREATE TABLE shop.orders_%s PARTITION OF shop.orders FOR VALUES FROM (%L) TO (%L)', n,
            (m - n * interval '1 month') AT TIME ZONE 'UTC', (m - (n - 1) * interval '1 month') AT TIME ZONE 'UTC');
    END LOOP; END$$; INSERT INTO shop.orders SELECT now() - n * interval '1 day' FROM generate_series(0, 800) n";

/// A browser that is driven over WebDriver, the W3C's protocol: JSON over HTTP.
struct Browser {
    driver: Child,
    port: u16,
    session: String,
}

impl Browser {
    fn open(width: u32, colours: &str) -> Self {
        let candidates = std::env::var("PARTCTL_CHROMEDRIVER").ok().into_iter();
        let candidates = candidates.chain(["chromedriver", "/usr/bin/chromedriver"].map(str::to_owned));
        let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let start = |program: String| {
            let mut command = Command::new(program);
            command.arg(format!("--port={port}")).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().ok()
        };
        let mut driver = candidates.map(start).find_map(|driver| driver).unwrap_or_else(|| {
            panic!("no chromedriver found: install it (apt-get install chromium chromium-driver), or set PARTCTL_CHROMEDRIVER")
        });
        // It says so when it listens.
        let mut said = Vec::new();
        let out = driver.stdout.as_mut().unwrap();
        while !String::from_utf8_lossy(&said).contains("successfully") {
            let mut byte = [0];
            assert_eq!(out.read(&mut byte).unwrap(), 1, "{}", String::from_utf8_lossy(&said));
            said.extend(byte);
        }
        let arguments = ["--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"];
        let preferred = if colours == "dark" { 0 } else { 1 };
        let arguments = arguments.map(str::to_owned).into_iter().chain([
            format!("--window-size={width},1200"),
            format!("--blink-settings=preferredColorScheme={preferred}"),
        ]);
        let wanted =
            json!({"capabilities": {"alwaysMatch": {"goog:chromeOptions": {"args": arguments.collect::<Vec<_>>()}}}});
        let mut browser = Self { driver, port, session: String::new() };
        let opened = browser.post("/session", &wanted);
        browser.session = format!("/session/{}", opened["sessionId"].as_str().unwrap());
        browser
    }

    fn request(&self, method: &str, path: &str, body: &str) -> Value {
        let mut stream = TcpStream::connect(("127.0.0.1", self.port)).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
        let head = format!("{method} {path} HTTP/1.1\r\nHost: 127.0.0.1:{}\r\nConnection: close\r\n", self.port);
        write!(stream, "{head}Content-Length: {}\r\n\r\n{body}", body.len()).unwrap();
        // It keeps the connection open, whatever it is told: the length says where the answer ends.
        let mut answer = BufReader::new(stream);
        let (mut head, mut length) = (String::new(), 0);
        loop {
            let from = head.len();
            assert_ne!(answer.read_line(&mut head).unwrap(), 0, "{method} {path}: {head}");
            match head[from..].to_ascii_lowercase().split_once(':') {
                Some(("content-length", value)) => length = value.trim().parse().unwrap(),
                None if head[from..].trim().is_empty() => break,
                _ => {}
            }
        }
        let mut body = vec![0; length];
        answer.read_exact(&mut body).unwrap();
        assert!(head.starts_with("HTTP/1.1 200"), "{method} {path}: {head}{}", String::from_utf8_lossy(&body));
        serde_json::from_slice::<Value>(&body).unwrap()["value"].take()
    }

    fn post(&self, path: &str, body: &Value) -> Value {
        self.request("POST", &format!("{}{path}", self.session), &body.to_string())
    }

    fn script(&self, script: &str) -> Value {
        self.post("/execute/sync", &json!({"script": script, "args": []}))
    }

    /// Presses keys, one after the other, wherever the focus is.
    fn press(&self, keys: &[&str]) {
        let strokes = keys.iter().flat_map(|key| ["keyDown", "keyUp"].map(|kind| json!({"type": kind, "value": key})));
        self.post(
            "/actions",
            &json!({"actions": [{"type": "key", "id": "keys", "actions": strokes.collect::<Vec<_>>()}]}),
        );
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        // Also when a test fails half-way; then nobody asks how it ended.
        if !self.session.is_empty() && !std::thread::panicking() {
            self.request("DELETE", &self.session, "");
        }
        let _ = self.driver.kill();
        let _ = self.driver.wait();
    }
}

const TAB: &str = "\u{e004}";
const RIGHT: &str = "\u{e014}";
const END: &str = "\u{e010}";

#[tokio::test(flavor = "multi_thread")]
async fn the_page_is_read_with_keys_alone_and_shows_names_as_they_are() {
    let database = Database::new(POLICIES, SETUP).await;
    let folder = tempfile::tempdir().unwrap();
    let page = folder.path().join("report.html");
    database.partctl(&["report", "--html", page.to_str().unwrap()], 0);
    let text = std::fs::read_to_string(&page).unwrap();
    for elsewhere in ["http://", "https://", "src=", "@import", "url("] {
        assert!(!text.contains(elsewhere), "the page asks for something from elsewhere: {elsewhere}");
    }

    let browser = Browser::open(1200, "light");
    browser.post("/url", &json!({"url": format!("file://{}", page.display())}));
    let title = browser.script("return document.title");
    assert_eq!(title, format!("Partitions of {}", database.name));
    // Names are text, whatever they look like.
    assert_eq!(
        browser.script("return document.querySelectorAll('script').length + document.querySelectorAll('h3 b').length"),
        1
    );
    let headings = browser.script("return [...document.querySelectorAll('.lane h3')].map(h => h.textContent)");
    assert_eq!(headings, json!(["shop.\"<b>Regions & \"\"co\"\"\"", "shop.orders"]));

    // The second lane's first block is one tab away from the first lane's; arrow keys go on from there.
    browser.press(&[TAB, TAB, RIGHT, RIGHT]);
    let focused = "const b = document.activeElement; return [b.getAttribute('aria-label'), b.closest('.lane').querySelector('.told').textContent]";
    let third = browser.script(focused);
    assert_eq!(third[0], third[1]);
    assert!(third[0].as_str().unwrap().starts_with("orders_27, "), "{third}");
    browser.press(&[END]);
    assert!(browser.script(focused)[0].as_str().unwrap().starts_with("orders_0, "));
    assert_eq!(browser.script("return document.querySelectorAll('.block.current').length"), 1);
    assert!(2 <= browser.script("return document.querySelectorAll('.block.expiring').length").as_u64().unwrap());
    let planned = browser.script("return document.querySelector('section[aria-labelledby=plan]').innerText");
    for word in ["create", "detach", "orders_29", "SHARE UPDATE EXCLUSIVE"] {
        assert!(planned.as_str().unwrap().contains(word), "{word} in {planned}");
    }
    let named = "return [...document.querySelectorAll('ol, section')].every(e => e.ariaLabel || document.getElementById(e.getAttribute('aria-labelledby')))";
    assert_eq!(browser.script(named), true);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_page_fits_a_narrow_screen_and_keeps_its_contrast_in_light_and_dark() {
    let database = Database::new(POLICIES, SETUP).await;
    let folder = tempfile::tempdir().unwrap();
    let page = folder.path().join("report.html");
    database.partctl(&["report", "--html", page.to_str().unwrap()], 0);
    for colours in ["light", "dark"] {
        let browser = Browser::open(500, colours);
        browser.post("/url", &json!({"url": format!("file://{}", page.display())}));
        assert_eq!(
            browser.script("return document.documentElement.scrollWidth <= window.innerWidth"),
            true,
            "{colours}"
        );
        // Luminance as WCAG 2 reckons it; 4.5 is its level AA for text.
        let contrast = "const light = (c) => { const [r, g, b] = c.match(/[\\d.]+/g).map(Number).map(v => v / 255)
                .map(v => v <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4); return 0.2126 * r + 0.7152 * g + 0.0722 * b; };
            const paper = light(getComputedStyle(document.body).backgroundColor);
            return [...document.querySelectorAll('h1, dt, dd, th, td, li b, .axis, .evidence')].map(e => {
                const ink = light(getComputedStyle(e).color);
                return (Math.max(ink, paper) + 0.05) / (Math.min(ink, paper) + 0.05); }).reduce((a, b) => Math.min(a, b))";
        let least = browser.script(contrast).as_f64().unwrap();
        assert!(4.5 <= least, "{colours}: {least}");
        let is_dark = browser.script("return getComputedStyle(document.body).backgroundColor");
        assert_eq!(is_dark.as_str() == Some("rgb(20, 23, 27)"), colours == "dark", "{is_dark}");
        // A picture of every page that passed is kept for whoever wants to look.
        let picture = browser.request("GET", &format!("{}/screenshot", browser.session), "");
        let kept = std::path::Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("report-{colours}.png.base64"));
        std::fs::write(kept, picture.as_str().unwrap()).unwrap();
    }
}
