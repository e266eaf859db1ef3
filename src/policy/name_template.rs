//! tmp
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NameTemplate(Vec<Segment>);
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Segment {
    Text(String),
    Table,
    Parent,
    Value,
    Remainder,
    Modulus,
    Start(Option<String>),
    End(Option<String>),
}
impl NameTemplate {
    pub fn segments(&self) -> &[Segment] {
        &self.0
    }
}
