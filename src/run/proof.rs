//! A transaction that proves something before it commits: that a new partition is found by its own bounds. It takes one
//! round trip more than a transaction without a proof, and what cannot be asked is asked after the commit.

use tokio_postgres::{Client, Error};

use crate::db::explain::explain_here;
use crate::plan::Proof;
use crate::pruning::{Found, found};

/// An error in the proof is none of the transaction.
const BEGIN_PROOF: &str = "SAVEPOINT partctl_proof";
const END_PROOF: &str = "ROLLBACK TO SAVEPOINT partctl_proof";

/// How a transaction with a proof ended.
pub(super) enum Proven {
    /// It is committed, and the proof held.
    Yes,
    /// It is committed, and nobody could tell.
    Unclear,
    /// It is rolled back: why, as a fragment.
    No(String),
}

/// Sends a transaction, which lacks its COMMIT, and commits it unless the new partition would not be found.
///
/// # Errors
/// Those of the transaction; it is rolled back then, or still open.
pub(super) async fn commit_proven(client: &Client, batch: &str, proof: &Proof) -> Result<Proven, Error> {
    let batch = format!("{batch};\n{BEGIN_PROOF}");
    let (sent, plan) = tokio::join!(biased; client.batch_execute(&batch), explain_here(client, &proof.query));
    sent?;
    let found = found(proof, &plan?);
    if let Found::Not(why) = found {
        client.batch_execute("ROLLBACK").await?;
        return Ok(Proven::No(why));
    }
    client.batch_execute(&format!("{END_PROOF};\nCOMMIT")).await?;
    Ok(if found == Found::Alone { Proven::Yes } else { Proven::Unclear })
}
