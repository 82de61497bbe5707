// What examples/bench_jobs does, done with BullMQ on the same Redis: the same numbers under the
// same names. Arguments: Redis URL, jobs, together, concurrency, rate, seconds.

import { createRequire } from "node:module";
import { performance } from "node:perf_hooks";

const require = createRequire(`${process.cwd()}/`);
const { Queue, Worker } = require("bullmq");

const [url, ...numbers] = process.argv.slice(2);
const [jobs, together, concurrency, rate, seconds] = numbers.map(Number);
const { hostname: host, port } = new URL(url);
const connection = { host, port: Number(port), maxRetriesPerRequest: null };
const sleep = (ms) => new Promise((done) => setTimeout(done, Math.max(0, ms)));

// `stop` ends the worker when `wanted` jobs are done.
function work(name, wanted, begun = () => {}) {
    let done = 0;
    let finish;
    const finished = new Promise((resolve) => (finish = resolve));
    const worker = new Worker(
        name,
        async (job) => begun(job, performance.now()),
        { connection, concurrency, removeOnComplete: { count: 0 } },
    );
    worker.on("completed", () => {
        done += 1;
        if (done === wanted) finish();
    });
    return { worker, finished };
}

async function drain() {
    const queue = new Queue("drain", { connection });
    let begun = performance.now();
    let left = jobs;
    // As many writers at once as examples/bench_jobs has.
    const writer = async () => {
        while (left > 0) {
            const some = Math.min(left, together);
            left -= some;
            await queue.addBulk(Array.from({ length: some }, (_, n) => ({ name: "no-op", data: { n } })));
        }
    };
    await Promise.all(Array.from({ length: 8 }, writer));
    console.log(`add_per_second ${((jobs * 1000) / (performance.now() - begun)).toFixed(0)}`);
    begun = performance.now();
    const { worker, finished } = work("drain", jobs);
    await finished;
    console.log(`done_per_second ${((jobs * 1000) / (performance.now() - begun)).toFixed(0)}`);
    await worker.close();
    await queue.close();
}

async function starts() {
    const queue = new Queue("start", { connection });
    const times = [];
    const wanted = rate * seconds;
    const { worker, finished } = work("start", wanted, (job, now) => times.push(now - job.data.at));
    await worker.waitUntilReady();
    await sleep(1000);
    const begun = performance.now();
    const added = [];
    for (let number = 0; number < wanted; number += 1) {
        const at = begun + (number * 1000) / rate;
        // A timer counts whole milliseconds and may end early, so the last is waited out.
        while (at > performance.now()) {
            const left = at - performance.now();
            await (left > 2 ? sleep(left - 2) : new Promise((turn) => setImmediate(turn)));
        }
        added.push(queue.add("no-op", { at }));
    }
    await Promise.all(added);
    await finished;
    times.sort((a, b) => a - b);
    const quantile = (percent) => Math.round(times[Math.min(times.length - 1, Math.floor((times.length * percent) / 100))] * 1000);
    console.log(`start_p50_us ${quantile(50)}`);
    console.log(`start_p99_us ${quantile(99)}`);
    await worker.close();
    await queue.close();
}

await drain();
await starts();
process.exit(0);
