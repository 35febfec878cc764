//! Changes of an account's roles.

use kuafu_contract::{Reply, RoleKind, accounts};
use kuafu_core::{Code, RecordId, Refusal};
use kuafu_edge::ConnId;
use kuafu_wire::ServerMessage;

use crate::client::State;
use crate::role::{LoginRole, Purpose};

/// What a client wants of its roles.
#[derive(Debug)]
pub(crate) enum Change {
    Create(String),
    Delete(RecordId),
    Restore(RecordId),
}

impl LoginRole {
    pub(crate) fn handle_change(&mut self, conn: ConnId, opcode: u8, change: Change) {
        let Some(client) = self.clients.get_mut(&conn) else { return };
        match &client.state {
            State::LoggedIn(_) => {}
            State::New | State::Greeted | State::Waiting(..) | State::Knocking => {
                return self.refuse(conn, opcode, &Code::NotLoggedIn.into());
            }
            State::Changing(_) | State::Queued(..) | State::Entering(_) | State::Entered => {
                return self.refuse(conn, opcode, &Code::OutOfOrder.into());
            }
        }
        let Some(login) = client.state.take_login() else { return };
        let account = login.account;
        client.state = State::Changing(login);
        let realm = self.config.realm;
        let request = match change {
            Change::Create(name) => accounts::Request::CreateRole { account, realm, name },
            Change::Delete(role) => accounts::Request::DeleteRole { account, role },
            Change::Restore(role) => accounts::Request::RestoreRole { account, role },
        };
        self.book.call(RoleKind::Accounts, request, Purpose::Change(conn, opcode));
    }

    pub(crate) fn handle_changed(&mut self, conn: ConnId, opcode: u8, result: Result<Reply, Refusal>) {
        let Some(client) = self.clients.get_mut(&conn) else { return };
        let Some(mut login) = client.state.take_login() else { return };
        let result = match result {
            Ok(Reply::Accounts(accounts::Reply::Account { roles, .. })) => {
                login.roles = roles;
                Ok(ServerMessage::Roles { roles: wire_roles(&login.roles) })
            }
            Ok(other) => {
                tracing::error!(?other, "the accounts centre answered something else");
                Err(Code::ServerFault.into())
            }
            Err(refusal) => Err(refusal),
        };
        client.state = State::LoggedIn(login);
        match result {
            Ok(message) => self.send(conn, &message),
            Err(refusal) => self.refuse(conn, opcode, &refusal),
        }
    }
}

/// An account's roles as clients see them.
pub(crate) fn wire_roles(roles: &[accounts::Role]) -> Vec<kuafu_wire::Role> {
    let wire = |role: &accounts::Role| kuafu_wire::Role {
        id: role.id,
        name: role.name.clone(),
        deleted_at_ms: role.deleted_at,
    };
    roles.iter().map(wire).collect()
}
