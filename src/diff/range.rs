//! Range coverage: every window between the oldest bound and the horizon has a partition, whatever its shape.

use super::situation::grid_in_words;
use super::{Draft, Situation};
use crate::catalog::{Answer, Bound, Partition, Question};
use crate::desired::{DesiredRange, Label};
use crate::plan::steps::CreateReason;
use crate::plan::{Finding, codes, first_few};
use crate::policy::Reach;
use crate::schedule::{Edge, Extent, Point, Window};

/// More than this many partitions to be made for one table is a mistake somewhere: queries that do not prune fail
/// at such numbers (53200), and making them takes minutes.
const MOST_AT_ONCE: usize = 10_000;

/// Makes what is missing: gaps, the current window, those ahead. After `every` changed, the windows of the new grid
/// are clipped to what is not covered, which gives one bridge partition.
pub(super) fn cover(situation: &Situation<'_>, draft: &mut Draft) {
    let Some(range) = situation.desired.as_range() else { return };
    if situation.has_unreadable_bounds() {
        return report_unreadable_bounds(situation, range, draft);
    }
    if range.now.is_none() && !situation.placed.is_empty() {
        if !situation.table.key_has_index {
            let key = &range.column;
            let message = format!("no index leads with {key}: the highest partition in use is taken to be full");
            let hint = format!("CREATE INDEX ON {} ({key})", situation.table.name);
            draft.findings.push(Finding::about(codes::KEY_WITHOUT_INDEX, &situation.table.name, message).hint(hint));
        }
        let question = situation.highest_question(range);
        match situation.snapshot.answers.get(&question) {
            Some(Answer::Unknown(why)) => {
                let message = format!("cannot tell which keys are in use: {why}");
                draft.findings.push(
                    Finding::about(codes::UNANSWERED, &situation.table.name, message)
                        .hint("grant SELECT on the table, or look at what holds it up, and run again"),
                );
            }
            Some(_) => {}
            None => drop(draft.questions.insert(question)),
        }
    }
    let Some(current) = situation.current() else {
        if range.now.is_some() {
            let message = format!("{} leaves no window around now", grid_in_words(situation.level));
            draft.findings.push(
                Finding::about(codes::KEY_TYPE, &situation.table.name, message)
                    .hint("windows begin and end in the years 1 to 9999: mend `every` or `anchor`"),
            );
        }
        return;
    };
    let Some(region) = region(situation, range, current) else { return };
    let horizon = region.end();
    let gaps = region.uncovered_by(situation.placed.iter().map(|(extent, _)| *extent));
    let missing = gaps.into_iter().flat_map(|gap| range.grid.covering(gap));
    let missing: Vec<Window> = missing.take(MOST_AT_ONCE + 1).collect();
    if MOST_AT_ONCE < missing.len() {
        draft.findings.push(
            Finding::about(
                codes::TOO_MANY,
                &situation.table.name,
                format!("lacks more than {MOST_AT_ONCE} partitions"),
            )
            .hint("look for a far-away partition that opens a gap; `fill_gaps: false` leaves gaps alone"),
        );
        return;
    }
    if !missing.is_empty() && !sorts_by_time(situation, range, draft) {
        return;
    }
    let floor = situation.newest_floor(missing.iter().copied());
    let reasons = Reasons::of(situation, range, current, horizon);
    for window in missing.into_iter().filter(|window| !situation.expires(range, window.end(), floor)) {
        situation.create(
            draft,
            Label::Range(range, window),
            range.bound_beside(window, &situation.placed),
            reasons.of_window(range, window),
        );
        // The first partition of a number axis says where rows begin. When something stands in its way, a later one
        // in its place would move that, and with it everything that is reckoned from there.
        let begun = !situation.placed.is_empty()
            || !draft.to_split.is_empty()
            || draft.steps.iter().any(|step| !step.made().is_empty());
        if range.now.is_none() && !begun {
            break;
        }
    }
}

/// What has to be covered: from the oldest bound to the horizon; all of the partition above where that is a window of
/// the same key, because all of that is promised.
fn region(situation: &Situation<'_>, range: &DesiredRange, current: Window) -> Option<Window> {
    let (mut start, mut end) = (beginning(situation, range, current), situation.horizon(range, current));
    if let Some(Extent { from, to }) = situation.confines(range) {
        let limits = range.codec.limits();
        end = to.point().unwrap_or(end).min(limits.end());
        start = match from.point() {
            Some(from) if situation.placed.is_empty() => from.max(limits.start()),
            Some(from) => start.max(from),
            None => start,
        };
    }
    Window::new(start, end)
}

/// Whether bounds in the order of time are bounds in the order of the key: not a matter of course where it is text.
/// True while the server has not been asked, and with the question put.
pub(super) fn sorts_by_time(situation: &Situation<'_>, range: &DesiredRange, draft: &mut Draft) -> bool {
    let Some(texts) = range.texts_in_order() else { return true };
    let question = Question::TextInOrder { collation: range.column.collation.clone(), texts };
    let collation = range.column.collation.as_ref().map_or("the database's collation".to_owned(), ToString::to_string);
    let table = &situation.table.name;
    let finding = match situation.snapshot.answers.get(&question) {
        Some(Answer::InOrder(true)) => return true,
        Some(Answer::InOrder(false)) => {
            let message = format!("key {} is sorted by {collation}, which is not the order of time", range.column);
            Finding::about(codes::TEXT_ORDER, table, message)
                .hint("partition by the key COLLATE \"C\": partctl's bounds would hold other rows than they say")
        }
        Some(Answer::Unknown(why)) => {
            let message = format!("cannot tell whether {collation} sorts key {} by time: {why}", range.column);
            Finding::about(codes::UNANSWERED, table, message).hint("run again")
        }
        Some(_) | None => {
            draft.questions.insert(question);
            return true;
        }
    };
    draft.findings.retain(|found| *found != finding);
    draft.findings.push(finding);
    false
}

/// The oldest bound, or where `behind` reaches.
fn beginning(situation: &Situation<'_>, range: &DesiredRange, current: Window) -> Point {
    let create = situation.level.create;
    let limit = range.codec.limits().start();
    let behind = match (create.behind, range.now) {
        (Reach::Partitions(count), _) => {
            let before = |window: &Window| range.grid.window_before(*window);
            let reached = std::iter::successors(Some(current), before).take(count as usize + 1).last();
            reached.map_or(limit, Window::start)
        }
        (Reach::Time(interval), Some(now)) => {
            let then = range.zone.before(now, interval);
            then.and_then(|then| range.grid.window_at(then)).map_or(limit, Window::start)
        }
        (Reach::Time(_), None) => current.start(),
    };
    let first_bound = situation.placed.iter().filter_map(|(extent, _)| extent.from.point().or(extent.to.point())).min();
    let last_bound = situation.placed.iter().filter_map(|(extent, _)| extent.to.point().or(extent.from.point())).max();
    let now = range.now.unwrap_or(current.start());
    let start = match (first_bound, last_bound) {
        (Some(_), Some(last)) if !create.fill_gaps => last.max(behind),
        // Without `behind`, what lies before the oldest bound is not wanted, also inside of the current window.
        (Some(first), _) if create.behind == Reach::Partitions(0) && first <= now => first,
        (Some(first), _) => first.min(behind),
        (None, _) => behind,
    };
    start.max(limit)
}

/// What the reasons of all new windows of a table follow from.
struct Reasons {
    now: Point,
    current: Window,
    /// Whether a partition above says what has to be covered.
    confined: bool,
    first_end: Option<Edge>,
    last_start: Option<Edge>,
    /// Where the windows beyond the current one start, up to the horizon.
    ahead: Vec<Point>,
}

impl Reasons {
    fn of(situation: &Situation<'_>, range: &DesiredRange, current: Window, horizon: Point) -> Self {
        let starts = range.grid.windows_from(current.end()).map(Window::start);
        Self {
            now: range.now.unwrap_or(current.start()),
            current,
            confined: situation.confines(range).is_some(),
            first_end: situation.placed.iter().map(|(extent, _)| extent.to).min(),
            last_start: situation.placed.iter().map(|(extent, _)| extent.from).max(),
            ahead: starts.take_while(|start| *start < horizon).collect(),
        }
    }

    fn of_window(&self, range: &DesiredRange, window: Window) -> CreateReason {
        let covered_before = self.first_end.is_some_and(|end| end <= Edge::At(window.start()));
        let covered_beyond = self.last_start.is_some_and(|start| Edge::At(window.end()) <= start);
        if window.contains(self.now) {
            CreateReason::Current
        } else if covered_beyond || (covered_before && window.end() <= self.current.start()) {
            CreateReason::Gap
        } else if window.end() <= self.current.start() {
            // What the partition above holds has been promised.
            if self.confined { CreateReason::Gap } else { CreateReason::Behind }
        } else if !self.confined && range.grid.window_at(window.start()) != Some(window) {
            CreateReason::Bridge
        } else {
            CreateReason::Ahead(self.ahead.partition_point(|start| *start < window.end()))
        }
    }
}

fn report_unreadable_bounds(situation: &Situation<'_>, range: &DesiredRange, draft: &mut Draft) {
    let unreadable =
        |partition: &&Partition| partition.bound != Bound::Default && range.extent(&partition.bound).is_none();
    for partition in situation.table.partitions.iter().filter(unreadable) {
        draft.findings.push(
            Finding::about(
                codes::UNREADABLE_BOUND,
                &situation.table.name,
                format!("{} {} lies on no axis that partctl knows", partition.name, partition.bound),
            )
            .hint("nothing is planned for this table while it is attached"),
        );
    }
}

/// Says which partitions are off the grid: they count as coverage, and are left alone.
pub(super) fn report_off_grid(situation: &Situation<'_>, draft: &mut Draft) {
    let Some(range) = situation.desired.as_range() else { return };
    let off_grid: Vec<String> = situation
        .placed
        .iter()
        .filter(|(_, partition)| !situation.is_on_grid(range, &partition.bound))
        .map(|(_, partition)| partition.name.name.to_string())
        .collect();
    let (message, hint) = match off_grid.as_slice() {
        [] => return,
        [one] => (format!("{one} is not on the policy's grid"), "it counts as coverage and is left as it is"),
        many => (
            format!("{} partitions are not on the policy's grid: {}", many.len(), first_few(many, 3)),
            "they count as coverage and are left as they are",
        ),
    };
    draft.findings.push(Finding::about(codes::OFF_GRID, &situation.table.name, message).hint(hint));
}
