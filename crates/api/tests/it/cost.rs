//! What the store read is said with each answer to a question.

use std::sync::Arc;

use api::config::Config;

use crate::support::Server;
use crate::support::store::Ailing;

#[tokio::test]
async fn each_answer_says_what_was_read() {
    let (sound, ailing) = (Server::new(Config::default()), Server::over(Config::default(), Arc::new(Ailing)));
    for path in [
        "/api/v2/trace/a",
        "/api/v2/traces",
        "/api/v2/services",
        "/zipkin/api/v2/traces",
        "/api/spanlet/v1/traces",
        "/api/spanlet/v1/counts",
        "/api/spanlet/v1/hints",
    ] {
        for (server, bytes) in [(&sound, 0), (&ailing, 7)] {
            let answer = server.get(path).await;
            let expected = format!("segments=0, row-groups=0, bytes={bytes}");
            assert_eq!(answer.header("spanlet-read"), expected, "{path}");
        }
    }
    assert_eq!(sound.get("/health").await.header("spanlet-read"), "", "reads nothing");
}
