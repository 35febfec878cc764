//! The way into the game.

use std::sync::Arc;

use kuafu_client::{Account, Client, ClientError, Options, Transport};
use kuafu_core::{Code, RecordId, Refusal};
use kuafu_wire::{ClientMessage, Password, Role, ServerMessage};

use crate::fake::{FakeServer, OWN, ROLE, logged_in, options, run};

fn refused(code: Code, answers: u8) -> ServerMessage {
    ServerMessage::error(&Refusal::from(code), false, answers)
}

#[test]
fn an_account_is_registered_and_its_roles_are_kept() {
    run(async {
        let server = FakeServer::tcp().await;
        let role = |id: u64, deleted_at_ms| Role { id: RecordId(id), name: format!("r{id}"), deleted_at_ms };
        let client = async {
            let mut login = Client::connect(server.target(), options()).await.expect("a login");
            assert_eq!(login.server(), "fake");
            let taken = login.register("anna", "sun-chaser").await.expect_err("taken");
            assert_eq!(taken.code(), Some(Code::NameTaken));
            login.register("anna2", "sun-chaser").await.expect("registered");
            assert_eq!(login.login("anna2", "sun-chaser").await.expect("logged in").len(), 1);
            assert_eq!(login.create_role("Gun").await.expect("made"), [role(1, 0), role(2, 0)]);
            assert_eq!(login.delete_role(RecordId(1)).await.expect("marked"), [role(1, 99), role(2, 0)]);
            assert_eq!(login.restore_role(RecordId(1)).await.expect("restored"), [role(1, 0), role(2, 0)]);
            assert_eq!(login.roles_max(), 4);
        };
        let serve = async {
            let mut peer = server.greeted().await;
            let (account, password) = (String::from("anna"), Password("sun-chaser".into()));
            assert_eq!(peer.hear().await, ClientMessage::Register { account, password });
            peer.say(&[refused(Code::NameTaken, 2)]).await;
            assert!(matches!(peer.hear().await, ClientMessage::Register { account, .. } if account == "anna2"));
            peer.say(&[ServerMessage::Registered]).await;
            assert!(matches!(peer.hear().await, ClientMessage::Login { .. }));
            peer.say(&[logged_in()]).await;
            assert_eq!(peer.hear().await, ClientMessage::RoleCreate { name: "Gun".into() });
            peer.say(&[ServerMessage::Roles { roles: vec![role(1, 0), role(2, 0)] }]).await;
            assert_eq!(peer.hear().await, ClientMessage::RoleDelete { role: RecordId(1) });
            peer.say(&[ServerMessage::Roles { roles: vec![role(1, 99), role(2, 0)] }]).await;
            assert_eq!(peer.hear().await, ClientMessage::RoleRestore { role: RecordId(1) });
            peer.say(&[ServerMessage::Roles { roles: vec![role(1, 0), role(2, 0)] }]).await;
        };
        tokio::join!(client, serve);
    });
}

#[test]
fn a_full_server_tells_the_place_in_the_queue_and_pings_keep_the_wait_alive() {
    run(async {
        let server = FakeServer::tcp().await;
        let client = async {
            let mut login = Client::connect(server.target(), options()).await.expect("a login");
            login.login("anna", "sun-chaser").await.expect("logged in");
            let unknown = login.enter(RecordId(5), |_, _| {}).await.expect_err("no such role");
            assert_eq!(unknown.code(), Some(Code::RoleUnknown));
            let mut seen = Vec::new();
            let client = login.enter(ROLE, |position, length| seen.push((position, length))).await.expect("in");
            assert_eq!(seen, [(2, 9), (1, 8)]);
            assert_eq!(client.world().own().map(|own| own.id), Some(OWN));
        };
        let serve = async {
            let mut peer = server.accept().await;
            assert!(matches!(peer.hear().await, ClientMessage::Hello { flags: 1, .. }));
            let schema = ServerMessage::Schema { json: server.schema_json.clone() };
            peer.say(&[server.welcome(100, 30_000), schema]).await;
            peer.hear().await;
            peer.say(&[logged_in()]).await;
            assert_eq!(peer.hear().await, ClientMessage::RoleSelect { role: RecordId(5) });
            peer.say(&[refused(Code::RoleUnknown, 7)]).await;
            assert_eq!(peer.hear().await, ClientMessage::RoleSelect { role: ROLE });
            peer.say(&[ServerMessage::Queue { position: 2, length: 9 }]).await;
            assert!(matches!(peer.hear_any().await, Some(ClientMessage::Ping { .. })));
            let enter = ServerMessage::Enter { ticket: [1; 16], host: "127.0.0.1".into(), port: server.port() };
            peer.say(&[ServerMessage::Queue { position: 1, length: 8 }, enter]).await;
            server.attaches(1, 2, false).await
        };
        tokio::join!(client, serve);
    });
}

#[test]
fn a_known_schema_is_not_asked_for_and_a_changed_one_is_learned_anew() {
    run(async {
        let server = FakeServer::tcp().await;
        let mut old = (*server.schema).clone();
        old.digest_client.0[0] ^= 1;
        let known = Options { schema: Some(Arc::new(old)), ..options() };
        let client = async {
            let login = Client::connect(server.target(), known).await.expect("a login");
            assert_eq!(login.schema().digest_client, server.schema.digest_client);
        };
        let serve = async {
            let mut peer = server.accept().await;
            let hello = peer.hear().await;
            assert!(matches!(hello, ClientMessage::Hello { flags: 0, digest, .. } if digest != [0; 16]), "{hello:?}");
            peer.say(&[ServerMessage::error(&Refusal::from(Code::DigestMismatch), true, 1)]).await;
            drop(peer);
            server.greeted().await;
        };
        tokio::join!(client, serve);
    });
}

#[test]
fn one_call_registers_logs_in_makes_a_role_and_enters() {
    for transport in [Transport::Tcp, Transport::WebSocket] {
        run(async {
            let server = FakeServer::new(transport).await;
            let account = Account { name: "bot".into(), password: "123456".into(), role: "Bot".into(), register: true };
            let client = async { Client::play(server.target(), options(), account).await.expect("in the game") };
            let serve = async {
                let mut peer = server.greeted().await;
                peer.hear().await;
                peer.say(&[refused(Code::NameTaken, 2)]).await;
                assert!(matches!(peer.hear().await, ClientMessage::Login { .. }));
                let deleted = Role { id: RecordId(9), name: "gone".into(), deleted_at_ms: 5 };
                let account = kuafu_core::AccountId(1);
                peer.say(&[ServerMessage::LoggedIn { account, roles_max: 4, roles: vec![deleted.clone()] }]).await;
                assert_eq!(peer.hear().await, ClientMessage::RoleCreate { name: "Bot".into() });
                let made = Role { id: ROLE, name: "Bot".into(), deleted_at_ms: 0 };
                peer.say(&[ServerMessage::Roles { roles: vec![deleted, made] }]).await;
                assert_eq!(peer.hear().await, ClientMessage::RoleSelect { role: ROLE });
                peer.say(&[ServerMessage::Enter { ticket: [1; 16], host: String::new(), port: server.port() }]).await;
                server.attaches(1, 2, false).await
            };
            let (client, _peer) = tokio::join!(client, serve);
            assert_eq!(client.world().own_property("gold"), Some(&10.into()));
            assert_eq!(client.schema().digest_client, server.schema.digest_client);
        });
    }
}

#[test]
fn what_is_no_answer_is_an_error_that_says_so() {
    run(async {
        let server = FakeServer::tcp().await;
        let client = async {
            let mut login = Client::connect(server.target(), options()).await.expect("a login");
            let error = login.login("anna", "sun-chaser").await.expect_err("no answer");
            assert!(matches!(error, ClientError::Unexpected { asked: "Login", got: "Attached" }), "{error}");
        };
        let serve = async {
            let mut peer = server.greeted().await;
            peer.hear().await;
            peer.say(&[server.attached(1, false)]).await;
        };
        tokio::join!(client, serve);
    });
}
