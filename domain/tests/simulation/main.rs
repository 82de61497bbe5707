//! Thousands of random operations on marketplaces of random terms, against a provider and a carrier
//! whose answers get lost; after each one everything that must ever hold does.
//!
//! `SOUK_SIMULATION_SEED` picks the worlds, `SOUK_SIMULATION_OPERATIONS` how much happens in all. A
//! failure names its seed, and what was done in that world.

mod buying;
mod check;
mod database;
mod dice;
mod outside;
mod refunds;
mod selling;
mod terms;
mod work;
mod world;

use std::collections::BTreeMap;

use chrono::TimeDelta;
use souk_domain::error::{Code, Error, Result};
use souk_domain::event::numbering;
use souk_domain::verify::Scope;

use database::{Home, Template};
use world::World;

/// The tests that share the work, so that they run side by side.
const TESTS: u64 = 4;

/// Small worlds keep their tables small, and so each check fast.
const OPERATIONS_OF_A_WORLD: u64 = 100;

fn setting(name: &str, default: u64) -> u64 {
    std::env::var(name).map_or(default, |text| text.parse().unwrap_or_else(|_| panic!("{name} is a number: {text}")))
}

fn seed() -> u64 {
    setting("SOUK_SIMULATION_SEED", 20_261_121)
}

#[tokio::test]
async fn money_adds_up_in_the_first_quarter_of_worlds() {
    live(0).await;
}

#[tokio::test]
async fn money_adds_up_in_the_second_quarter_of_worlds() {
    live(1).await;
}

#[tokio::test]
async fn money_adds_up_in_the_third_quarter_of_worlds() {
    live(2).await;
}

#[tokio::test]
async fn money_adds_up_in_the_last_quarter_of_worlds() {
    live(3).await;
}

#[tokio::test]
async fn money_adds_up_on_postgres() {
    if let Some(home) = Home::postgres().await {
        let operations = setting("SOUK_SIMULATION_OPERATIONS", 10_000) / 10;
        live_once(home, seed(), operations, false, &mut Tally::new()).await;
    }
}

/// How often each operation was done and refused.
type Tally = BTreeMap<String, (u64, u64)>;

/// Every fourth of the worlds.
async fn live(quarter: u64) {
    let template = Template::migrated().await;
    let worlds = setting("SOUK_SIMULATION_OPERATIONS", 10_000).div_ceil(OPERATIONS_OF_A_WORLD);
    let mut tally = Tally::new();
    for world in (0..worlds).filter(|world| world % TESTS == quarter) {
        live_once(template.copy().await, seed() + world, OPERATIONS_OF_A_WORLD, true, &mut tally).await;
    }
    println!("done and refused: {tally:#?}");
    // A simulation of which nothing comes proves nothing.
    if worlds >= 100 {
        let done = |name: &str| tally.get(name).is_some_and(|(done, _)| *done > 0);
        for name in ["payout paid", "payout returned", "refund succeeded", "refund failed", "return_request processed"]
        {
            assert!(done(name), "no {name}");
        }
        assert!(tally.iter().all(|(name, (_, refused))| *refused < 20 || done(name)), "some are always refused");
    }
}

/// Checked after each operation, or at the end.
async fn live_once(home: Home, seed: u64, operations: u64, each: bool, tally: &mut Tally) {
    let mut world = World::open(home, seed).await.unwrap();
    let mut lived = Ok(());
    for _ in 0..operations {
        lived = step(&mut world, each, tally).await;
        if lived.is_err() {
            break;
        }
    }
    if lived.is_ok() {
        lived = settle(&mut world, tally).await;
    }
    if let Err(error) = lived {
        panic!(
            "SOUK_SIMULATION_SEED={seed} SOUK_SIMULATION_OPERATIONS={operations}: {}\nafter\n{}",
            told(&error),
            world.story()
        );
    }
    world.home.end().await;
}

/// What is behind an error, which people are not told.
pub fn told(error: &Error) -> String {
    error.source.as_ref().map_or_else(|| error.to_string(), ToString::to_string)
}

async fn step(world: &mut World, check: bool, tally: &mut Tally) -> Result<()> {
    world.pass(TimeDelta::seconds(1));
    let (name, done) = something(world).await;
    let (often, refused) = tally.entry(name.to_owned()).or_default();
    match done {
        Ok(()) => {
            *often += 1;
            world.log(name.to_owned());
        }
        Err(error) if buying::is_refusal(&error) => {
            *refused += 1;
            world.log(format!("{name}: {}", error.code.as_str()));
        }
        Err(error) => {
            world.log(name.to_owned());
            return Err(error);
        }
    }
    if check { world.check(Scope::AtEveryCommit).await } else { Ok(()) }
}

/// An operation; where there is nothing to do it with, another one.
async fn something(world: &mut World) -> (&'static str, Result<()>) {
    loop {
        match operation(world).await {
            (_, Err(error)) if error.code == Code::NotFound => {}
            done => return done,
        }
    }
}

/// Something happens.
async fn operation(world: &mut World) -> (&'static str, Result<()>) {
    match world.dice.within(0, 99) {
        0..=6 => ("place", world.place().await),
        7..=9 => ("sell", world.sell().await),
        10..=14 => ("edit", world.edit().await),
        15..=24 => ("pay", world.pay().await),
        25 => ("cancel", world.cancel_order().await),
        26 => ("hear again", world.hear_again().await),
        27..=29 => ("accept", world.accept().await),
        30 => ("reject", world.reject().await),
        31..=40 => ("pack", world.pack().await),
        41 => ("unpack", world.unpack().await),
        42..=55 => ("scan", world.scan().await),
        56..=60 => ("ask to return", world.ask_to_return().await),
        61 => ("take return back", world.take_return_back().await),
        62..=65 => ("decide return", world.decide_return().await),
        66..=69 => ("receive return", world.receive_return().await),
        70..=74 => ("ask refund", world.ask_refund().await),
        75..=76 => ("retry refund", world.retry_refund().await),
        77..=78 => ("pay out", world.pay_out().await),
        79..=80 => ("send payout back", world.send_payout_back().await),
        81..=83 => ("change terms", world.change_terms().await),
        84..=88 => ("time passes", time_passes(world).await),
        _ => ("work", world.run_due(8).await.map(|_| ())),
    }
}

async fn time_passes(world: &mut World) -> Result<()> {
    let time = match world.dice.within(0, 3) {
        0 => TimeDelta::minutes(world.dice.within(1, 200)),
        1 | 2 => TimeDelta::hours(world.dice.within(4, 72)),
        _ => TimeDelta::days(world.dice.within(3, 40)),
    };
    world.pass(time);
    numbering::number(&world.store).await?;
    world.run_due(30).await.map(|_| ())
}

/// Nothing more is asked for, and everybody outside answers, until all is done.
async fn settle(world: &mut World, tally: &mut Tally) -> Result<()> {
    world.outside.calm = true;
    for _ in 0..40 {
        world.pass(TimeDelta::minutes(5));
        while world.run_due(100).await? > 0 {
            world.pass(TimeDelta::seconds(1));
        }
    }
    while numbering::number(&world.store).await? > 0 {}
    world.log("settled".to_owned());
    for (state, times) in world.states().await? {
        tally.entry(state).or_default().0 += times;
    }
    world.check(Scope::Quiet(world.now())).await
}
