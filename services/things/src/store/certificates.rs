use async_trait::async_trait;
use model::{Page, PageQuery, ThingId, Timestamp};
use proto::Change;

use super::connections::owns_thing;
use super::rows::{bounds, certificate, total};
use super::{Store, failed};
use crate::model::{Certificate, Fingerprint, Owner};
use crate::repository::{CertificateRepository, ThingRepository};
use crate::{Error, Result};

#[async_trait]
impl CertificateRepository for Store {
    async fn create_certificate(&self, owner: Owner, new: &Certificate) -> Result<bool> {
        let sql = "INSERT INTO certificates
            (sha256, thing_id, serial, subject, created_at, revoked_at, not_after)
            VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT DO NOTHING";
        let tx = self.db.begin().await.map_err(failed)?;
        if !owns_thing(&tx, owner, new.thing).await? {
            return self.commit(tx, new.created, None).await;
        }
        let sha256 = new.sha256.as_bytes().to_vec();
        let params: &[&dyn storage::Param] = &[
            &sha256,
            &new.thing,
            &new.serial,
            &new.subject,
            &new.created,
            &new.revoked,
            &new.not_after,
        ];
        let inserted = tx.execute(sql, params).await.map_err(failed)? > 0;
        let change = inserted.then(|| Change::CertificateAdded {
            id: new.thing,
            sha256: new.sha256.to_string(),
        });
        if self.commit(tx, new.created, change).await? {
            Ok(true)
        } else {
            Err(Error::CertificateTaken)
        }
    }

    async fn list_certificates(
        &self,
        owner: Owner,
        thing: ThingId,
        query: PageQuery,
    ) -> Result<Option<Page<Certificate>>> {
        if self.get_thing(owner, thing).await?.is_none() {
            return Ok(None);
        }
        let sql = "SELECT COUNT(*) AS total FROM certificates WHERE thing_id = $1";
        let count = self.db.query_opt(sql, &[&thing]).await.map_err(failed)?;
        let sql = "SELECT sha256, thing_id, serial, subject, created_at, revoked_at, not_after
            FROM certificates WHERE thing_id = $1 ORDER BY sha256 LIMIT $2 OFFSET $3";
        let (limit, offset) = bounds(query);
        let rows = self.db.query(sql, &[&thing, &limit, &offset]).await;
        let items: Result<_> = rows.map_err(failed)?.iter().map(certificate).collect();
        Ok(Some(Page {
            total: Some(count.as_ref().map_or(Ok(0), total)?),
            items: items?,
            next: None,
        }))
    }

    async fn revoke_certificate(
        &self,
        owner: Owner,
        thing: ThingId,
        sha256: Fingerprint,
        at: Timestamp,
    ) -> Result<bool> {
        let sql = "UPDATE certificates SET revoked_at = $3 WHERE sha256 = $1 AND thing_id = $2
            AND revoked_at IS NULL";
        let bytes = sha256.as_bytes().to_vec();
        let tx = self.db.begin().await.map_err(failed)?;
        let listed = "SELECT sha256 FROM certificates JOIN things ON id = thing_id
            WHERE sha256 = $1 AND thing_id = $2 AND owner = $3";
        let listed = tx.query_opt(listed, &[&bytes, &thing, &owner]).await;
        if listed.map_err(failed)?.is_none() {
            return self.commit(tx, at, None).await;
        }
        let count = tx.execute(sql, &[&bytes, &thing, &at]).await;
        let change = (count.map_err(failed)? > 0).then(|| removed(thing, sha256));
        self.commit(tx, at, change).await?;
        Ok(true)
    }

    async fn delete_certificate(
        &self,
        owner: Owner,
        thing: ThingId,
        sha256: Fingerprint,
        at: Timestamp,
    ) -> Result<bool> {
        let sql = "DELETE FROM certificates WHERE sha256 = $1 AND thing_id = $2
            AND EXISTS (SELECT 1 FROM things WHERE id = $2 AND owner = $3)";
        let bytes = sha256.as_bytes().to_vec();
        let tx = self.db.begin().await.map_err(failed)?;
        let count = tx.execute(sql, &[&bytes, &thing, &owner]).await;
        let change = (count.map_err(failed)? > 0).then(|| removed(thing, sha256));
        self.commit(tx, at, change).await
    }
}

fn removed(id: ThingId, sha256: Fingerprint) -> Change {
    Change::CertificateRemoved {
        id,
        sha256: sha256.to_string(),
    }
}
