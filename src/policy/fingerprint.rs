pub fn fingerprint(p: &super::Policy) -> String {
    format!("{:?}", p.table)
}
