# SPDX-License-Identifier: MIT
"""POST /api/v1/runs/batch"""
import re

from table import batch, case, created, detail, faults, run, stored

BATCH = "/api/v1/runs/batch"


def result(index, name, what, reason=None):
    answer = {"index": index, "event_id": name, "result": what}
    return {**answer, "reason": reason} if reason else answer


def answer(inserted=0, duplicates=0, updated=0, errors=(), results=..., **more):
    return {
        "inserted": inserted, "duplicates": duplicates, "updated": updated,
        "errors": list(errors), "total": inserted + duplicates + updated + len(errors),
        "results": results, **more,
    }


CASES = [
    case("An array answers 200 with inserted, duplicates, updated, errors, total and results",
         batch([run(event_id="<a>"), run(event_id="<b>"), run(event_id="<a>")]).gives(
             200, answer(2, 1, results=[result(0, "<a>", "created"), result(1, "<b>", "created"),
                                        result(2, "<a>", "duplicate")])),
         stored("<b>")),
    case("{runs: [...]} answers 201 and adds created",
         batch({"runs": [run()], "sent_by": "x"}).gives(201, answer(1, created=1))),
    case("An empty list is taken", batch([]).gives(200, answer(results=[])),
         batch({"runs": []}).gives(201, answer(results=[], created=0))),
    case("One faulty item never blocks the others, and is named by its event_id with the reason",
         batch([run(event_id="<a>"), run(event_id="<b>", status="dancing"),
                run(event_id="<c>")]).gives(
             200, answer(2, errors=[re.compile("^<b>: .*status")],
                         results=[result(0, "<a>", "created"),
                                  result(1, "<b>", "invalid", re.compile("status")),
                                  result(2, "<c>", "created")])),
         stored("<c>")),
    case("An item without an event_id is named #<index> by its place",
         batch([run(event_id="<a>"), run(event_id=...), run(event_id="")]).gives(
             200, answer(1, errors=[re.compile("^#1: "), re.compile("^#2: ")],
                         results=[dict, result(1, None, "invalid", str),
                                  result(2, None, "invalid", str)]))),
    case("An update is updated", created(),
         batch([{"record_type": "update", "event_id": "<id>", "status": "failed",
                 "duration_ms": 4}]).gives(
             200, answer(updated=1, results=[result(0, "<id>", "updated")])),
         stored(status="failure", duration_ms=4)),
    case("An update is not_found while its run is not there: counted and named among the errors",
         batch([{"record_type": "update", "event_id": "<id>", "status": "failed"}]).gives(
             200, answer(errors=[re.compile("^<id>: .*not found")],
                         results=[result(0, "<id>", "not_found", re.compile("not found"))]))),
    case("Items are taken in order: an update may follow its run, and not the other way",
         batch([{"record_type": "update", "event_id": "<id>", "status": "failed"}, run(),
                {"record_type": "update", "event_id": "<id>", "status": "success"}]).gives(
             200, answer(1, 0, 1, [str],
                         [result(0, "<id>", "not_found", str), result(1, "<id>", "created"),
                          result(2, "<id>", "updated")])),
         stored(status="success")),
    case("To a run that has ended an update fills only what is null or at its default",
         created(status="success", duration_ms=5),
         batch([{"record_type": "update", "event_id": "<id>", "status": "failed",
                 "duration_ms": 9, "error_summary": "late", "items_failed": 2}]).gives(200),
         stored(status="success", duration_ms=5, error_summary="late", items_failed=2)),
    case("null is not given in an update and in what an item says of itself",
         created(error_summary="e", duration_ms=5),
         batch([{"record_type": "update", "event_id": "<id>", "error_summary": None,
                 "metrics_json": None, "items_failed": 2}, run(event_id="<b>", record_type=None)]).gives(
             200, answer(1, updated=1)),
         stored(error_summary="e", duration_ms=5, items_failed=2)),
    *[case(f"An update that names nothing to update is invalid: {more!r}", created(),
           batch([{"record_type": "update", "event_id": "<id>", **more}]).gives(
               200, answer(errors=[re.compile("^<id>: update")],
                           results=[result(0, "<id>", "invalid", str)])))
      for more in ({}, {"status": None}, {"product": "x", "unknown": 1})],
    case("An item is a run or an update", batch([run(record_type="event")]).gives(
        200, answer(errors=[re.compile("^<id>: record_type")]))),
    case("A terminal record ends a running run and counts as updated", created(),
         batch([run(status="success")]).gives(
             200, answer(updated=1, results=[result(0, "<id>", "updated")])),
         stored(status="success")),
    case("JSON that does not parse anywhere is 400 for the whole body, with the offset",
         batch(b'[{"event_id":"<id>"},{]').gives(400, detail(r"offset \d+"))),
    case("No body is 400", batch(None).gives(400, detail("body"))),
    *[case(f"A body that is no array of objects is 422: {body!r}",
           batch(body).gives(422, faults(*places)))
      for body, places in (
          (5, [("body",)]), ("x", [("body",)]), ({}, [("body", "runs")]),
          ({"runs": 5}, [("body", "runs")]), ({"runs": None}, [("body", "runs")]),
          ([1, {}], [("body", 0)]), ([{}, "x", None], [("body", 1), ("body", 2)]),
          ({"runs": [{}, 7]}, [("body", "runs", 1)]))],
    case("Nothing of a body that is refused is stored",
         batch([run(), 5]).gives(422), batch([run()]).gives(200, answer(1))),
    case("What older clients write is taken: nulls, extra keys, metrics_json as a string",
         batch([run(record_type="run", created_at=None, end_time=None, metrics_json='{"a":1}',
                    schema_version=6, updated_at=None)]).gives(200, answer(1)),
         stored(metrics_json={"a": 1}, created_at=re.compile("^20"))),
]
