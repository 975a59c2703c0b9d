rule write_claims:
    input:
        csv=wf.reports.claim_csv,
        html=wf.reports.claim_html,
        predictions=wf.reports.claim_predictions,
    output:
        report(
            directory(paths.CLAIMS),
            htmlindex="index.html",
            caption="../report/claims.rst",
            category=wf.reports.study_title,
            labels={"item": "claims", "kind": "claims"},
        ),
    log:
        paths.log("write_claims", "{study}"),
    benchmark:
        paths.benchmark("write_claims", "{study}")
    conda:
        "../../envs/environment.yaml"
    threads: 1
    params:
        cfg=wf.reports.claims,
        code=wf.reports.tables_code("write_claims.py"),
    script:
        "../../scripts/write_claims.py"


rule collect_claims:
    input:
        csv=wf.reports.all_claim_tables(),
        predictions=wf.reports.all_claim_predictions,
    output:
        report(
            directory(paths.ALL_CLAIMS),
            htmlindex="index.html",
            caption="../report/claims.rst",
            category="All studies",
            labels={"item": "all claims", "kind": "claims"},
        ),
    log:
        paths.log("collect_claims"),
    benchmark:
        paths.benchmark("collect_claims")
    conda:
        "../../envs/environment.yaml"
    threads: 1
    params:
        cfg=wf.reports.claims_of_all,
        code=wf.reports.tables_code("collect_claims.py"),
    script:
        "../../scripts/collect_claims.py"
