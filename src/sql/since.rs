//! Which version of Postgres brought what: every difference between the versions partctl works with that is one
//! number is a row here, and nobody else compares a version with a number of its own.
//!
//! The settings of a session and the storage parameters are tables of their own, each row with its version.

/// The oldest major version that partctl works with: before it there is no `DETACH PARTITION ... CONCURRENTLY`.
pub const OLDEST_MAJOR: u32 = 14;

/// `GRANT SET ON PARAMETER`.
pub const PARAMETER_RIGHTS: u32 = 150_000;

/// Each membership has its own INHERIT and SET; a second GRANT changes those that it names.
pub const MEMBERSHIP_OPTIONS: u32 = 160_000;

/// The planner locks the indexes of partitioned tables as well.
pub const PARENT_INDEX_LOCKS: u32 = 160_000;

/// A partition shares the identity columns of its parent.
pub const SHARED_IDENTITY: u32 = 170_000;

/// `ANALYZE ONLY` of a partitioned table.
pub const ANALYZE_ONLY: u32 = 180_000;

/// The privilege on a role, as `pg_has_role` names it, that lets a session SET ROLE to it: before memberships had
/// options, every member could.
pub fn set_role_privilege(server_version: u32) -> &'static str {
    if server_version < MEMBERSHIP_OPTIONS { "MEMBER" } else { "SET" }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_member_may_become_a_role_by_the_privilege_its_server_knows() {
        assert_eq!(set_role_privilege(140_023), "MEMBER");
        assert_eq!(set_role_privilege(159_999), "MEMBER");
        assert_eq!(set_role_privilege(160_000), "SET");
    }
}
