//! How an HTTP request of logic ends: what the interfaces role answered, as what a task is resumed with.

pub use kuafu_contract::interfaces::{ANSWER_MARGIN, HttpRequest, HttpResponse};

use kuafu_contract::interfaces::Reply as InterfacesReply;
use kuafu_contract::{Outcome, Reply};
use kuafu_core::{Code, Value};

use crate::effect::Failure;

/// The response as a map of `body`, `headers` and `status`; or why there is none.
///
/// # Errors
/// [`Failure::Refused`] when nothing was done or the response could not be kept, [`Failure::Unknown`] when it may have
/// been done.
pub fn http_outcome(outcome: Outcome) -> Result<Value, Failure> {
    match outcome {
        Outcome::Value(Reply::Interfaces(InterfacesReply::Http(response))) => Ok(response.into_value()),
        Outcome::Value(Reply::Interfaces(InterfacesReply::Unknown { .. })) | Outcome::Unknown => Err(Failure::Unknown),
        Outcome::Value(_) => Err(Code::ServerFault.into()),
        Outcome::Refused(refusal) => Err(Failure::Refused(refusal)),
    }
}
