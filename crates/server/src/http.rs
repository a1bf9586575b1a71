//! The one HTTP listener.

use axum::Router;
use tokio::net::TcpListener;
use tokio::sync::watch;

/// Serves requests until `stop` changes, then finishes the open ones.
pub async fn serve(
    listener: TcpListener,
    routes: Router,
    mut stop: watch::Receiver<bool>,
) -> std::io::Result<()> {
    axum::serve(listener, routes)
        .with_graceful_shutdown(async move {
            let _ = stop.changed().await;
        })
        .await
}
