//! Background work as operators see it.

use serde_json::json;

use crate::souk::{Options, Souk, eventually, text};

#[tokio::test]
async fn a_dead_job_is_listed_and_redriven() {
    let souk = Souk::with(Options::default().inside()).await;
    let seller = souk.seller("Stuck").await;
    let offer = seller.offer("STUCK-1", "10.00", 10).await;
    let shopper = souk.guest();
    let order = shopper.buy(&[(&offer, 1)]).await;
    let admin = souk.admin().await;

    souk.simulator().fault("buy_label", "unavailable", 1_000).await;
    let parcel = seller.pack(order.parts()[0].id(), "Main").await.expect(201);
    let key = format!("label:{}:1", text(&parcel["id"]));
    let tried = eventually("the label was tried in vain", async || {
        let jobs = admin.jobs("buy_label").await;
        jobs.into_iter().find(|job| job["status"] == "queued" && job["last_error"].is_string())
    })
    .await;
    assert_eq!(tried["unique_key"], key.as_str());
    let path = format!("/api/v1/admin/jobs/{}", text(&tried["id"]));
    admin.client.post_empty(&format!("{path}/redrive")).await.refused(409, "ILLEGAL_TRANSITION");

    // The next try is to be the last one, and now.
    let spent = "UPDATE job SET max_attempts = attempts + 1 WHERE unique_key = $1 AND status = 'queued'";
    assert_eq!(souk.database().execute(spent, [key.as_str().into()]).await, 1);
    souk.database().make_due(&key).await;
    let dead = eventually("the job is dead", async || {
        let dead = admin.client.list("/api/v1/admin/jobs?status=dead").await;
        dead.into_iter().next()
    })
    .await;
    assert_eq!((&dead["id"], &dead["kind"]), (&tried["id"], &"buy_label".into()));
    assert_eq!(dead["attempts"], dead["max_attempts"]);

    souk.simulator().fault("buy_label", "unavailable", 0).await;
    let redriven = admin.client.post_empty(&format!("{path}/redrive")).await.expect(200);
    assert_eq!(redriven["status"], "queued");
    assert!(redriven["max_attempts"].as_i64() > dead["attempts"].as_i64());
    seller.labelled(text(&parcel["id"])).await;
    assert_eq!(admin.client.get(&path).await.expect(200)["status"], "done");
    let books = souk.audit().await;
    assert_eq!(books.labels, 1);
}

#[tokio::test]
async fn jobs_are_counted_and_their_queues_shown() {
    let souk = Souk::with(Options::default().inside()).await;
    let seller = souk.seller("Counted").await;
    let offer = seller.offer("COUNTED-1", "10.00", 10).await;
    let order = souk.guest().buy(&[(&offer, 1)]).await;
    souk.settle().await;

    let captured = souk.admin().await.jobs("capture_payment").await;
    assert_eq!(captured.len(), 1);
    assert_eq!((&captured[0]["queue"], &captured[0]["status"]), (&"money".into(), &"done".into()));
    let waiting = souk.admin().await.jobs("expire_order").await;
    assert_eq!(waiting[0]["unique_key"], format!("expire-order:{}", order.id()));
    assert_eq!(waiting[0]["status"], "queued");

    let metrics = souk.anyone().get("/metrics").await;
    assert_eq!(metrics.status.as_u16(), 200);
    let metrics = String::from_utf8(metrics.body).expect("text");
    assert!(metrics.lines().any(|line| line == "orders_created_total 1"), "{metrics}");
}

/// Parcels whose labels cannot be bought, and whose jobs have been given up; returns their ids.
async fn dead_labels(souk: &Souk, count: usize) -> Vec<String> {
    let seller = souk.seller("Unlabelled").await;
    let offer = seller.offer("UNLABELLED-1", "10.00", 10).await;
    souk.simulator().fault("buy_label", "unavailable", 1_000).await;
    for _ in 0..count {
        let order = souk.guest().buy(&[(&offer, 1)]).await;
        seller.pack(order.parts()[0].id(), "Main").await.expect(201);
    }
    let die =
        "UPDATE job SET status = 'dead' WHERE kind = 'buy_label' AND status = 'queued' AND last_error IS NOT NULL";
    let admin = souk.admin().await;
    eventually("the jobs are dead", async || {
        souk.database().execute(die, []).await;
        let dead = admin.client.list("/api/v1/admin/jobs?status=dead&kind=buy_label").await;
        (dead.len() == count).then(|| dead.iter().map(|job| text(&job["id"]).to_owned()).collect())
    })
    .await
}

#[tokio::test]
async fn dead_jobs_are_summed_up_redriven_together_and_given_up_with_a_reason() {
    let souk = Souk::with(Options::default().inside()).await;
    let dead = dead_labels(&souk, 3).await;
    let admin = souk.admin().await;
    let of_labels = async || {
        let summary = admin.client.get("/api/v1/admin/jobs/summary").await.expect(200);
        let kinds = summary["kinds"].as_array().expect("kinds").clone();
        kinds.into_iter().find(|kind| kind["kind"] == "buy_label").expect("each kind is there")
    };
    let summary = of_labels().await;
    assert_eq!((&summary["queue"], &summary["dead"]), (&"fulfilment".into(), &3.into()));
    assert_eq!((&summary["waiting"], &summary["oldest_due_seconds"]), (&0.into(), &0.into()));

    let discard = format!("/api/v1/admin/jobs/{}/discard", dead[0]);
    admin.client.post(&discard, json!({ "reason": "  " })).await.refused(422, "INVALID_VALUE");
    let given_up = admin.client.post(&discard, json!({ "reason": " Labelled by hand. " })).await.expect(200);
    assert_eq!((&given_up["status"], &given_up["discard_reason"]), (&"discarded".into(), &"Labelled by hand.".into()));
    assert!(given_up["last_error"].is_string());
    admin.client.post(&discard, json!({ "reason": "Again." })).await.refused(409, "ILLEGAL_TRANSITION");
    let redrive = format!("/api/v1/admin/jobs/{}/redrive", dead[0]);
    admin.client.post_empty(&redrive).await.refused(409, "ILLEGAL_TRANSITION");
    let listed = admin.client.list("/api/v1/admin/jobs?status=discarded").await;
    assert_eq!((listed.len(), &listed[0]["id"]), (1, &dead[0].as_str().into()));

    souk.simulator().fault("buy_label", "unavailable", 0).await;
    for (limit, redriven) in [(1, 1), (1_000, 1), (1_000, 0)] {
        let body = json!({ "kind": "buy_label", "limit": limit });
        assert_eq!(admin.client.post("/api/v1/admin/jobs/redrive", body).await.expect(200)["redriven"], redriven);
    }
    eventually("what was redriven is done", async || {
        let done = admin.client.list("/api/v1/admin/jobs?status=done&kind=buy_label").await;
        (done.len() == 2).then_some(())
    })
    .await;
    assert_eq!(of_labels().await["dead"], 0);
}

#[tokio::test]
async fn dead_jobs_are_dealt_with_on_the_command_line() {
    let souk = Souk::with(Options::default().inside()).await;
    let dead = dead_labels(&souk, 3).await;
    souk.simulator().fault("buy_label", "unavailable", 0).await;

    let listed = souk.command(&["jobs", "list", "--status", "dead", "--kind", "buy_label"]);
    assert_eq!(listed.lines().count(), 3, "{listed}");
    assert!(dead.iter().all(|id| listed.contains(id.as_str())), "{listed}");
    let summary = souk.command(&["jobs", "summary"]);
    let labels = summary.lines().find(|line| line.starts_with("buy_label ")).expect("each kind has a line");
    assert_eq!(labels.split_whitespace().collect::<Vec<_>>(), ["buy_label", "fulfilment", "0", "0", "0", "3"]);

    let told = souk.command(&["jobs", "discard", &dead[0], "--reason", "labelled by hand"]);
    assert!(told.contains("discarded     labelled by hand") && told.contains("last error"), "{told}");
    assert!(souk.command(&["jobs", "redrive", &dead[1]]).contains("status        queued"));
    assert_eq!(souk.command(&["jobs", "redrive", "--kind", "buy_label"]), "1 buy_label jobs are queued again\n");
    eventually("what was redriven is done", async || {
        souk.command(&["jobs", "show", &dead[1]]).contains("status        done").then_some(())
    })
    .await;

    let code = |arguments: &[&str]| souk.souk(arguments).output().expect("souk runs").status.code();
    assert_eq!(code(&["jobs", "redrive", &dead[0]]), Some(1), "it is not dead");
    assert_eq!(code(&["jobs", "show", &uuid::Uuid::nil().to_string()]), Some(1));
    assert_eq!(code(&["jobs", "list", "--status", "buried"]), Some(2));
    assert_eq!(code(&["jobs", "redrive"]), Some(2));
}
