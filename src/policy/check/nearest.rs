//! "Did you mean": the known word that was probably meant.

/// Longest word that is compared; a longer one is no misspelling of ours.
const LONGEST: usize = 60;

/// The candidate with the fewest typing mistakes between it and the word, one for every three letters at most.
pub(super) fn nearest<'c>(word: &str, candidates: impl IntoIterator<Item = &'c str>) -> Option<&'c str> {
    if LONGEST < word.len() {
        return None;
    }
    let word = word.to_lowercase();
    let length = word.chars().count();
    let most = (length / 3).max(1);
    candidates
        .into_iter()
        .filter(|candidate| candidate.len().abs_diff(word.len()) <= most + 1 && 1 < length)
        .map(|candidate| (strsim::osa_distance(&word, &candidate.to_lowercase()), candidate))
        .filter(|(distance, _)| *distance <= most)
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, candidate)| candidate)
}

/// ``did you mean `month`?``
pub(super) fn did_you_mean(candidate: &str) -> String {
    format!("did you mean `{candidate}`?")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_near_word_is_suggested() {
        let keys = ["retain", "partition", "create", "for"];
        assert_eq!(nearest("retian", keys), Some("retain"));
        assert_eq!(nearest("Partitions", keys), Some("partition"));
        assert_eq!(nearest("fro", keys), Some("for"));
        assert_eq!(nearest("x", keys), None);
        assert_eq!(nearest("columns", keys), None);
        assert_eq!(nearest(&"retain".repeat(1000), keys), None);
    }
}
